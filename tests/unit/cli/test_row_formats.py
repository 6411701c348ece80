"""Rows of a query as a table, as JSON and as CSV."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shoplake.cli.row_formats import writer
from shoplake.errors import UnknownName
from shoplake.query.result import Result

RESULT = Result(
    ("name", "[bold]", "at", "tags"),
    [
        ('a, "b"', Decimal("12"), datetime(2024, 6, 10, 6, 13, tzinfo=UTC), ["x", None]),
        (None, Decimal("1.5"), None, None),
    ],
    truncated=True,
)


def test_json_is_one_line_with_plain_values(capsys: pytest.CaptureFixture[str]) -> None:
    writer("json")(RESULT)
    captured = capsys.readouterr()
    first = {"name": 'a, "b"', "[bold]": 12, "at": "2024-06-10T06:13:00+00:00", "tags": ["x", None]}
    assert json.loads(captured.out) == {
        "rows": [first, {"name": None, "[bold]": 1.5, "at": None, "tags": None}],
        "truncated": True,
    }
    assert captured.out.count("\n") == 1
    assert "the first 2 rows" in captured.err


def test_csv_has_a_heading_and_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    writer("csv")(RESULT)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["name,[bold],at,tags", '"a, ""b""",12,2024-06-10 06:13:00+00:00,"[\'x\', None]"', ",1.5,,"]


def test_a_table_shows_markup_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    writer("table")(RESULT)
    assert capsys.readouterr().out.splitlines()[0].split() == ["name", "[bold]", "at", "tags"]


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="choose from table, json, csv"):
        writer("xml")
