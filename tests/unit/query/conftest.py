"""Settings for sessions that attach no store."""

from __future__ import annotations

import pytest

from shoplake.settings import LakeSettings, PostgresSettings, Settings


@pytest.fixture
def settings_of_no_store() -> Settings:
    """Nothing answers at these addresses."""
    return Settings.model_construct(
        lake=LakeSettings(bucket="none", warehouse="s3://none/warehouse", database="none", catalog="glue"),
        postgres=PostgresSettings(host="127.0.0.1", port=1, database="shop", user="nobody", password="none"),  # type: ignore[arg-type]
    )
