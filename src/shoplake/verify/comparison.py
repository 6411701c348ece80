"""Compare the expected rows of a table with the rows found, by key, in DuckDB. It is independent of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from shoplake.verify.database import columns
from shoplake.verify.report import MAX_FINDINGS, Difference, Finding, StoreResult

BY_PARTS = "[lpad(part, 64, '0') FOR part IN string_split(key, '/')], key"
"""Natural order of keys: `orders/2` before `orders/10`."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table: `expected.<store>_<table>` against `found.<store>_<table>`.

    Every column of the expected table that is not in the key is compared. Expected keys are unique.

    Attributes:
        store: name of the store.
        table: the table's name in the store.
        key: columns that identify a row.
    """

    store: str
    table: str
    key: tuple[str, ...]

    @property
    def expected(self) -> str:
        """The relation with the rows that the log implies."""
        return f'expected."{self.store}_{self.table}"'

    @property
    def fold(self) -> str:
        """The view that folds one group of keys of the log."""
        return f'"fold_{self.store}_{self.table}"'

    @property
    def found(self) -> str:
        """The relation with the rows of the store."""
        return f'found."{self.store}_{self.table}"'


@dataclass(frozen=True, slots=True)
class _Aligned:
    """SQL of one column on both sides, cast to a common type: text if the types differ."""

    name: str
    expected: str
    found: str


def compare(cursor: duckdb.DuckDBPyConnection, comparison: Comparison) -> StoreResult:
    """Compare one table. Return counts and findings.

    If the sums of the row hashes are equal, the tables are equal. Only if they differ, the rows are joined. The join
    uses the key and a 64-bit hash of each row, and only the rows that do not match are read again.
    """
    aligned = _aligned(cursor, comparison)
    expected, wanted = _digest(cursor, comparison.expected, [column.expected for column in aligned])
    found, held = _digest(cursor, comparison.found, [column.found for column in aligned])
    if (expected, wanted) == (found, held):
        return StoreResult(comparison.store, expected, found, lost=0, duplicated=0, differing=0)
    _match(cursor, comparison, aligned)
    kinds: dict[str, tuple[int, int]] = {
        kind: (rows, keys)
        for kind, rows, keys in cursor.execute(
            "SELECT kind, count(*), count(DISTINCT key) FROM mismatches GROUP BY kind"
        ).fetchall()
    }
    lost = kinds.get("lost", (0, 0))[0]
    surplus = kinds.get("surplus", (0, 0))[0]
    # Rows found under an expected key, beyond one for each such key.
    repeated = (found - surplus) - (expected - lost)
    return StoreResult(
        name=comparison.store,
        expected=expected,
        found=found,
        lost=lost,
        duplicated=surplus + repeated,
        differing=kinds.get("differing", (0, 0))[1],
        findings=(
            *_lost(cursor, comparison),
            *(_repeated(cursor, comparison, aligned) if repeated else ()),
            *_surplus(cursor, comparison),
            *_differing(cursor, comparison, aligned),
        ),
    )


def _digest(cursor: duckdb.DuckDBPyConnection, relation: str, columns_sql: list[str]) -> tuple[int, int | None]:
    """Return the number of rows and the sum of their hashes, a digest of the multiset.

    DuckDB combines the hashes of columns by XOR, so rows that swap values could keep the same sum. A second hash
    prevents this.
    """
    rows, total = cursor.execute(
        f"SELECT count(*), sum(hash(hash({', '.join(columns_sql)}))::HUGEINT) FROM {relation}"  # noqa: S608
    ).fetchall()[0]
    return int(rows), total


def _aligned(cursor: duckdb.DuckDBPyConnection, comparison: Comparison) -> list[_Aligned]:
    expected, found = columns(cursor, comparison.expected), columns(cursor, comparison.found)
    return [_align(name, kind, found.get(name)) for name, kind in expected.items()]


def _align(name: str, expected_type: str, found_type: str | None) -> _Aligned:
    column = f'"{name}"'
    if found_type is None:
        return _Aligned(name, f"CAST({column} AS VARCHAR)", "NULL::VARCHAR")
    if found_type == expected_type:
        return _Aligned(name, column, column)
    return _Aligned(name, f"CAST({column} AS VARCHAR)", f"CAST({column} AS VARCHAR)")


def _match(cursor: duckdb.DuckDBPyConnection, comparison: Comparison, aligned: list[_Aligned]) -> None:
    key = [column for column in aligned if column.name in comparison.key]
    values = [column for column in aligned if column.name not in comparison.key]

    def side(relation: str, keys: list[str], hashed: list[str]) -> str:
        named = ", ".join(f"{sql} AS k{n}" for n, sql in enumerate(keys))
        return f"(SELECT {named}, hash({', '.join(hashed)}) AS h, true AS present FROM {relation})"  # noqa: S608

    expected = side(comparison.expected, [c.expected for c in key], [c.expected for c in values])
    found = side(comparison.found, [c.found for c in key], [c.found for c in values])
    on = " AND ".join(f"e.k{n} = f.k{n}" for n in range(len(key)))
    text = " || '/' || ".join(f"coalesce(CAST(coalesce(e.k{n}, f.k{n}) AS VARCHAR), 'null')" for n in range(len(key)))
    cursor.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE mismatches AS
        SELECT
            {text} AS key,
            CASE WHEN f.present IS NULL THEN 'lost' WHEN e.present IS NULL THEN 'surplus' ELSE 'differing' END AS kind
        FROM {expected} AS e
        FULL JOIN {found} AS f ON {on}
        WHERE f.present IS NULL OR e.present IS NULL OR e.h <> f.h
        """  # noqa: S608 - names of our own tables
    )


def _keys(cursor: duckdb.DuckDBPyConnection, kind: str) -> list[tuple[str, int]]:
    return cursor.execute(
        f"SELECT key, count(*) FROM mismatches WHERE kind = ? GROUP BY key ORDER BY {BY_PARTS} LIMIT ?",  # noqa: S608
        [kind, MAX_FINDINGS],
    ).fetchall()


def _lost(cursor: duckdb.DuckDBPyConnection, comparison: Comparison) -> list[Finding]:
    return [Finding("lost", comparison.table, key) for key, _ in _keys(cursor, "lost")]


def _surplus(cursor: duckdb.DuckDBPyConnection, comparison: Comparison) -> list[Finding]:
    return [
        Finding("duplicated", comparison.table, key, detail="no event made it") for key, _ in _keys(cursor, "surplus")
    ]


def _repeated(cursor: duckdb.DuckDBPyConnection, comparison: Comparison, aligned: list[_Aligned]) -> list[Finding]:
    key = key_text([c.found for c in aligned if c.name in comparison.key])
    rows = cursor.execute(
        f"""
        SELECT key, count(*) FROM (SELECT {key} AS key FROM {comparison.found})
        GROUP BY key HAVING count(*) > 1 AND key NOT IN (SELECT key FROM mismatches WHERE kind = 'surplus')
        ORDER BY {BY_PARTS} LIMIT {MAX_FINDINGS}
        """  # noqa: S608 - names of our own tables
    ).fetchall()
    return [Finding("duplicated", comparison.table, key, detail=f"held {n} times") for key, n in rows]


def _differing(cursor: duckdb.DuckDBPyConnection, comparison: Comparison, aligned: list[_Aligned]) -> list[Finding]:
    values = [column for column in aligned if column.name not in comparison.key]
    expected_key = key_text([c.expected for c in aligned if c.name in comparison.key])
    found_key = key_text([c.found for c in aligned if c.name in comparison.key])
    expected = ", ".join(f"CAST({c.expected} AS VARCHAR) AS e{n}" for n, c in enumerate(values))
    found = ", ".join(f"CAST({c.found} AS VARCHAR) AS f{n}" for n, c in enumerate(values))
    rows = cursor.execute(
        f"""
        WITH wanted AS (
            SELECT key FROM mismatches WHERE kind = 'differing'
            GROUP BY key ORDER BY {BY_PARTS} LIMIT {MAX_FINDINGS}
        ),
        e AS (FROM (SELECT {expected_key} AS key, {expected} FROM {comparison.expected}) SEMI JOIN wanted USING (key)),
        f AS (FROM (SELECT {found_key} AS key, {found} FROM {comparison.found}) SEMI JOIN wanted USING (key))
        SELECT e.key, {", ".join(f"e{n}, f{n}" for n in range(len(values)))} FROM e JOIN f USING (key)
        ORDER BY {BY_PARTS}
        """  # noqa: S608 - names of our own tables
    ).fetchall()
    findings: dict[str, Finding] = {}
    for key, *pairs in rows:
        sides = zip(values, pairs[::2], pairs[1::2], strict=True)
        changed = tuple(Difference(c.name, before, after) for c, before, after in sides if before != after)
        if changed:  # of a doubled row, one copy may be right
            findings.setdefault(key, Finding("differing", comparison.table, key, columns=changed))
    return list(findings.values())


def key_text(parts: Sequence[str]) -> str:
    """SQL for a key as findings show it, from the SQL of its columns."""
    return " || '/' || ".join(f"coalesce(CAST({part} AS VARCHAR), 'null')" for part in parts)
