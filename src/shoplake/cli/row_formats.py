"""Prints the rows of a query as a table, JSON or CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

if TYPE_CHECKING:
    from shoplake.positions import Positions
    from shoplake.query.result import Result

FORMATS = ("table", "json", "csv")
Format = Annotated[
    str, typer.Option("--format", metavar="table|json|csv", help="How rows are printed; JSON is one line.")
]
Rows = Annotated[int, typer.Option("--limit", min=1, max=1_000_000, help="Rows to print at most.")]
Timeout = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds that a statement may take.")]


class Writer(Protocol):
    """Prints a result, and the positions in the log that it was computed from, if the caller knows them."""

    def __call__(self, result: Result, as_of: Positions | None = None) -> None:
        """Print the rows and the positions."""
        ...


def writer(name: str, more: tuple[str, ...] = ()) -> Writer:
    """Choose the function that prints a result in a format.

    Args:
        name: of the format.
        more: formats that the caller has besides these, for the message.

    Raises:
        UnknownName: there is no such format.
    """
    from shoplake.known_names import require_known

    require_known("format", name, (*FORMATS, *more))
    known = {"table": _as_table, "json": _as_json, "csv": _as_csv}

    def write(result: Result, as_of: Positions | None = None) -> None:
        known[name](result, as_of)
        say_truncated(result)

    return write


def say_truncated(result: Result) -> None:
    """Report on stderr that the limit has cut rows off."""
    if result.truncated:
        typer.echo(f"these are the first {len(result.rows):,} rows; there are more (--limit)", err=True)


def _as_table(result: Result, as_of: Positions | None) -> None:
    from shoplake.text_tables import print_rows

    if result.columns:
        print_rows(result.columns, result.rows)
    if as_of:
        print(f"as of {as_of}")


def _as_json(result: Result, as_of: Positions | None) -> None:
    import json

    rows = [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows]
    positions = {"as_of": json.loads(as_of.as_json())} if as_of else {}
    print(json.dumps({"rows": rows, "truncated": result.truncated, **positions}, ensure_ascii=False))


def _as_csv(result: Result, as_of: Positions | None) -> None:
    import csv
    import sys

    lines = csv.writer(sys.stdout, lineterminator="\n")
    if result.columns:
        lines.writerow(result.columns)
    lines.writerows(["" if value is None else value for value in row] for row in result.rows)
    if as_of:
        typer.echo(f"as of {as_of}", err=True)  # a line of its own would be a row


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
