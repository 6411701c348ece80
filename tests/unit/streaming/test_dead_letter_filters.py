"""Times and paths as they are written on a command line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shoplake.errors import UsageError
from shoplake.streaming.dead_letters.repair import parse_path
from shoplake.streaming.dead_letters.store import parse_time

NOW = datetime(2024, 1, 8, tzinfo=UTC)


def test_a_time_before_now_is_a_number_and_a_unit() -> None:
    assert parse_time("7d", now=NOW) == int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    "text", ["²d", "¹²h", "d", "-1d", "1.5d", "99999999999999d", "9999999d", "7d\n", "", "yesterday"]
)
def test_an_invalid_time_is_reported(text: str) -> None:
    with pytest.raises(UsageError, match="expected a time such as"):
        parse_time(text, now=NOW)


@pytest.mark.parametrize("path", ["lines[²]", "lines[]", "lines[-1]", "lines[0", "lines[1]x", ""])
def test_an_invalid_path_is_reported(path: str) -> None:
    with pytest.raises(UsageError, match="expected a path such as"):
        parse_path(path)
