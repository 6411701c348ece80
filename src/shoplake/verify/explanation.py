"""One key of a verification in full: its rows, expected and found side by side, and the events that made them."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from shoplake.contract import TOPICS
from shoplake.verify.comparison import Comparison, key_text
from shoplake.verify.database import columns
from shoplake.verify.report import Difference, ExplainedEvent, ExplainedRow

MAX_ROWS = 20
"""Rows of one table. Part of a key can be in many rows, for example a customer's id in those of the lake."""
MAX_EVENTS = 200


def rows_of(cursor: duckdb.DuckDBPyConnection, comparison: Comparison, key: str) -> list[ExplainedRow]:
    """Read the rows of a compared table whose key, or one part of it, is `key`."""
    kept = columns(cursor, comparison.found)
    names = list(columns(cursor, comparison.expected))
    values = [name for name in names if name not in comparison.key]
    whole = key_text([f'"{name}"' for name in comparison.key])
    is_wanted = " OR ".join(f"{text} = $key" for text in [whole, *map(_as_text, comparison.key)])

    def side(relation: str, held: Sequence[str]) -> str:
        # Aliases that no table has as a column: the board of Redis has `key` and `field`.
        texts = [f"{_as_text(name) if name in held else 'NULL'} AS c{n}" for n, name in enumerate(values)]
        wanted = f"SELECT {', '.join([f'{whole} AS at_key', *texts])} FROM {relation} WHERE {is_wanted}"  # noqa: S608
        return (
            f"(SELECT at_key, count(*) AS held, first(struct_pack({_packed(len(values))})) AS sample "  # noqa: S608
            f"FROM ({wanted}) GROUP BY at_key)"
        )

    found = cursor.execute(
        f"""
        SELECT coalesce(e.at_key, f.at_key), coalesce(e.held, 0), coalesce(f.held, 0), e.sample, f.sample
        FROM {side(comparison.expected, names)} AS e FULL JOIN {side(comparison.found, list(kept))} AS f USING (at_key)
        ORDER BY 1 LIMIT {MAX_ROWS}
        """,  # noqa: S608 - names of our own tables
        {"key": key},
    ).fetchall()
    return [
        ExplainedRow(comparison.store, comparison.table, at, expected, held, _sides(values, wanted, row))
        for at, expected, held, wanted, row in found
    ]


def events_of(cursor: duckdb.DuckDBPyConnection, key: str) -> tuple[tuple[ExplainedEvent, ...], int]:
    """Read the valid events that have every part of the key among their ids, and count them."""
    parts = {f"p{n}": part for n, part in enumerate(key.split("/"))}
    selects = []
    for topic in TOPICS:
        ids = [name for name in columns(cursor, f"valid_{topic}") if name.endswith("_id")]
        has_all = " AND ".join(f"${name} IN ({', '.join(ids)})" for name in parts)
        selects.append(
            f"SELECT '{topic}' AS topic, kafka_partition, kafka_offset, type, event_id, occurred_at_ms "  # noqa: S608
            f"FROM valid_{topic} WHERE {has_all}"
        )
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE explained AS {' UNION ALL '.join(selects)}", parts)
    found = cursor.execute(
        f"SELECT topic || '-' || kafka_partition || '@' || kafka_offset, type, event_id, occurred_at_ms "  # noqa: S608
        f"FROM explained ORDER BY occurred_at_ms, topic, kafka_partition, kafka_offset LIMIT {MAX_EVENTS}"
    ).fetchall()
    (count,) = cursor.execute("SELECT count(*) FROM explained").fetchall()[0]
    return tuple(ExplainedEvent(*row) for row in found), int(count)


def _sides(
    names: Sequence[str], expected: dict[str, str | None] | None, found: dict[str, str | None] | None
) -> tuple[Difference, ...]:
    return tuple(
        Difference(name, (expected or {}).get(f"c{n}"), (found or {}).get(f"c{n}")) for n, name in enumerate(names)
    )


def _as_text(name: str) -> str:
    return f'CAST("{name}" AS VARCHAR)'


def _packed(count: int) -> str:
    return ", ".join(f"c{n} := c{n}" for n in range(count)) if count else "nothing := 0"
