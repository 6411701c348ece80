"""What the platform records about itself: schemas of Postgres that are made at their first use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from shoplake.map.graph import Dataset, Edge, Field
from shoplake.map.metadata import Metadata
from shoplake.map.readers import Part

if TYPE_CHECKING:
    from sqlglot import exp

PACKAGE = Path(__file__).parents[2]
DAGSTER = "dagster"
_WRITTEN_BY = {
    "quality.runs": "quality",
    "quality.results": "quality",
    "quality.profiles": "profile",
    "lineage.events": "lineage",
    f"{DAGSTER}.storage": "workflow",
}
"""Dataset -> the job that writes it."""


def read(known: Mapping[str, Metadata]) -> Part:
    """The tables of all such schemas, and the jobs that write them.

    Args:
        known: metadata by system, with that of each of `graph.RECORDS`.

    Raises:
        MapError: a table has no entry in the metadata, or an entry has no table.
    """
    tables = [
        *(one for system in ("quality", "lineage") for one in known[system].completed(_tables(system))),
        *known[DAGSTER].completed([_storage()]),
    ]
    return Part(tables, [Edge(f"jobs.{job}", name) for name, job in _WRITTEN_BY.items()])


def _tables(system: str) -> Iterator[Dataset]:
    import sqlglot
    from sqlglot import exp

    file = PACKAGE / system / "schema.sql"
    for statement in sqlglot.parse(file.read_text("utf-8"), read="postgres"):
        if isinstance(statement, exp.Create) and statement.kind == "TABLE":
            yield Dataset(
                system=system,
                name=statement.this.this.name,
                kind="table",
                address=f"{system}.{statement.this.this.name}",
                fields=tuple(_fields(statement.this)),
                source=f"src/shoplake/{system}/{file.name}",
            )


def _fields(table: exp.Schema) -> Iterator[Field]:
    from sqlglot import exp

    keys = {column.name for key in table.find_all(exp.PrimaryKey) for column in key.find_all(exp.Identifier)}
    for column in table.find_all(exp.ColumnDef):
        key = column.name in keys or column.find(exp.PrimaryKeyColumnConstraint) is not None
        yield Field(column.name, column.args["kind"].sql(dialect="postgres").lower(), key=key)


def _storage() -> Dataset:
    """Dagster's tables as one dataset: they are not ours to describe."""
    return Dataset(DAGSTER, "storage", "schema", address=DAGSTER, source="src/shoplake/orchestration/instance.py")
