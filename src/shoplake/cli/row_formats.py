"""Prints the rows of a query as a table, JSON or CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from shoplake.query.result import Result

FORMATS = ("table", "json", "csv")
Format = Annotated[
    str, typer.Option("--format", metavar="table|json|csv", help="How rows are printed; JSON is one line.")
]
Rows = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="Rows to print at most.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds that a statement may take.")]


def writer(name: str) -> Callable[[Result], None]:
    """What prints a result in that format.

    Raises:
        UnknownName: there is no such format.
    """
    from shoplake.errors import UnknownName

    known = {"table": _as_table, "json": _as_json, "csv": _as_csv}
    if name not in known:
        raise UnknownName(f"there is no format '{name}'", fix=f"choose from {', '.join(FORMATS)}")

    def write(result: Result) -> None:
        known[name](result)
        if result.truncated:
            typer.echo(f"these are the first {len(result.rows):,} rows; there are more (--limit)", err=True)

    return write


def _as_table(result: Result) -> None:
    from shoplake.text_tables import print_rows

    if result.columns:
        print_rows(result.columns, result.rows)


def _as_json(result: Result) -> None:
    import json

    rows = [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows]
    print(json.dumps({"rows": rows, "truncated": result.truncated}, ensure_ascii=False))


def _as_csv(result: Result) -> None:
    import csv
    import sys

    lines = csv.writer(sys.stdout, lineterminator="\n")
    if result.columns:
        lines.writerow(result.columns)
    lines.writerows(["" if value is None else value for value in row] for row in result.rows)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a store gives
    """A value as JSON has it: whole decimals as integers, times as in ISO 8601, what JSON lacks as text."""
    from decimal import Decimal

    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
