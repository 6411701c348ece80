"""Postgres where it does not answer."""

from __future__ import annotations

import pytest

from shoplake.errors import StoreUnavailable
from shoplake.query import postgres
from shoplake.query.result import Limits
from shoplake.settings import Settings


def test_a_postgres_that_does_not_answer_is_named_without_its_password(settings_of_no_store: Settings) -> None:
    with pytest.raises(StoreUnavailable, match=r"postgres at 127\.0\.0\.1:1 did not answer") as error:
        postgres.run(settings_of_no_store, "SELECT 1", Limits())
    assert "none" not in str(error.value)
