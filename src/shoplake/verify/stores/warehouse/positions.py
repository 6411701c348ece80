"""The positions in the log that a build of the warehouse speaks of: topic -> partition -> next offset.

An event is in the build if its offset is lower than the next offset of its partition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, TypeAlias

import duckdb
import msgspec

from shoplake.verify.report import Finding
from shoplake.verify.structure_diff import differing

if TYPE_CHECKING:
    from pyiceberg.table import Table

PROPERTY = "shoplake.positions"
"""Property in the summary of a gold table's snapshot. Its value is JSON."""

Offset = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Partition = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Positions: TypeAlias = dict[str, dict[Partition, Offset]]


def create_table(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create the empty table `warehouse.positions`, unless it exists."""
    cursor.execute("CREATE SCHEMA IF NOT EXISTS warehouse")
    cursor.execute(
        "CREATE TABLE IF NOT EXISTS warehouse.positions"
        " (topic VARCHAR, kafka_partition INTEGER, next_offset BIGINT, PRIMARY KEY (topic, kafka_partition))"
    )


def store(cursor: duckdb.DuckDBPyConnection, positions: Positions) -> None:
    """Store the positions that the next fold uses."""
    cursor.execute("DELETE FROM warehouse.positions")
    rows = [(topic, partition, offset) for topic, held in positions.items() for partition, offset in held.items()]
    if rows:
        cursor.executemany("INSERT INTO warehouse.positions VALUES (?, ?, ?)", rows)


def compared_at(cursor: duckdb.DuckDBPyConnection) -> str:
    """Return the stored positions as JSON."""
    held: Positions = {}
    for topic, place, end in cursor.execute(
        "SELECT topic, kafka_partition, next_offset FROM warehouse.positions ORDER BY ALL"
    ).fetchall():
        held.setdefault(topic, {})[place] = end
    return msgspec.json.encode(held).decode()


def read(table: Table) -> str | None:
    """Return the property of the current snapshot. None: it has no such property, or the table has no snapshot."""
    snapshot = table.current_snapshot()
    return None if snapshot is None or snapshot.summary is None else snapshot.summary.get(PROPERTY)


def parse(text: str | None) -> Positions | None:
    """Return the positions in order, without partitions that have no event in the build. None: not valid."""
    try:
        held = msgspec.json.decode(text or "", type=Positions)
    except msgspec.DecodeError:
        return None
    found = {topic: {place: end for place, end in sorted(ends.items()) if end} for topic, ends in sorted(held.items())}
    return {topic: ends for topic, ends in found.items() if ends}


def of_build(texts: Mapping[str, str | None]) -> tuple[Positions, list[Finding]]:
    """Choose the positions of a build, and report the tables that have others.

    Args:
        texts: table -> what `read` returned. The first table with valid positions is right.
    """
    parsed = {table: parse(text) for table, text in texts.items()}
    valid = [positions for positions in parsed.values() if positions is not None]
    chosen = valid[0] if valid else None
    wanted = f"JSON in {PROPERTY}" if chosen is None else msgspec.json.encode(chosen).decode()
    findings = [
        differing("positions", wanted, texts[table], table=table)
        for table, positions in parsed.items()
        if positions is None or positions != chosen
    ]
    return chosen or {}, findings
