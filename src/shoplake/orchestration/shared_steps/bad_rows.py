"""Rows that do not fit to a table: they are set aside with the reason, so that the others can land."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pyarrow as pa

LONGEST_VALUE = 100
"""Characters of a value that a reason shows."""
SCHEMA = pa.schema([("row_number", pa.int64()), ("reason", pa.string()), ("content", pa.string())])
"""Number of the row in its source, from 1. Reason why it does not fit. The row as it came: JSON, or a line of CSV."""
_NUMBER = "row_number of the source"
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


def split(rows: pa.Table, wanted: pa.Schema) -> tuple[pa.Table, pa.Table]:
    """Divide rows into those whose values have the wanted types, and the others.

    Args:
        rows: with the columns of `wanted`.
        wanted: names and types.

    Returns:
        Rows with the wanted types, and rows of `SCHEMA`.

    Raises:
        duckdb.Error: a column has a type that no value of the wanted type can be made from.
    """
    rows = rows.select(wanted.names)
    failing = [field.name for field in wanted if not _casts(rows[field.name], field.type)]
    if not failing:
        return rows.cast(wanted), SCHEMA.empty_table()
    numbered = rows.append_column(_NUMBER, pa.array(range(1, len(rows) + 1), pa.int64()))
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("wanted", wanted.empty_table())
        connection.register("given", numbered)
        types = {str(row[0]): str(row[1]) for row in connection.execute("DESCRIBE FROM wanted").fetchall()}
        made = {name: _made(name, types[name]) for name in failing}
        fits = " AND ".join(f"({quoted(name)} IS NULL OR {value} IS NOT NULL)" for name, value in made.items())
        columns = ", ".join(f"{made.get(name, quoted(name))} AS {quoted(name)}" for name in wanted.names)
        content = ", ".join(f"{_text(name)}: {quoted(name)}" for name in wanted.names)
        number = quoted(_NUMBER)
        good = connection.execute(
            f"SELECT {columns} FROM given WHERE {fits} ORDER BY {number}"  # noqa: S608 - quoted names
        ).to_arrow_table()
        bad = connection.execute(
            f"SELECT {number}, {_reason(made, types)}, to_json({{{content}}})::VARCHAR"  # noqa: S608 - as above
            f" FROM given WHERE NOT ({fits}) ORDER BY {number}"
        ).to_arrow_table()
    return good.cast(wanted), bad.rename_columns(SCHEMA.names).cast(SCHEMA)


def _casts(column: pa.ChunkedArray, wanted: pa.DataType) -> bool:
    try:
        column.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return False
    return True


def _made(name: str, wanted: str) -> str:
    """SQL: the value with the wanted type, null if there is none. DuckDB would round 1.5 to an integer."""
    cast = f"TRY_CAST({quoted(name)} AS {wanted})"
    if wanted not in _INTEGERS:
        return cast
    return f"CASE WHEN regexp_full_match(trim({quoted(name)}::VARCHAR), '[-+]?[0-9]+([.]0*)?') THEN {cast} END"


def _reason(made: Mapping[str, str], types: Mapping[str, str]) -> str:
    cases = " ".join(
        f"WHEN {quoted(name)} IS NOT NULL AND {value} IS NULL THEN {_text(f'{name}: expected {types[name]}, found ')}"
        f" || left({quoted(name)}::VARCHAR, {LONGEST_VALUE})"
        for name, value in made.items()
    )
    return f"CASE {cases} END"


def quoted(text: str) -> str:
    """A name in SQL."""
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
