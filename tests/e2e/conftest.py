"""Every test here needs Docker and Compose: without them skipped, and failed where CI wants them."""

from __future__ import annotations

import os

import pytest

from shoplake.errors import StackError
from shoplake.stack import docker


@pytest.fixture(scope="session", autouse=True)
def compose() -> None:
    """Skip without Docker; with SHOPLAKE_REQUIRE_DOCKER=1, fail."""
    try:
        docker.refuse_unable()
    except StackError as error:
        if os.environ.get("SHOPLAKE_REQUIRE_DOCKER") == "1":
            pytest.fail(f"SHOPLAKE_REQUIRE_DOCKER=1, and {error}", pytrace=False)
        pytest.skip(f"{error.message}; SHOPLAKE_REQUIRE_DOCKER=1 makes this a failure")
