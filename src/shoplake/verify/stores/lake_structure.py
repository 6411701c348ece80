"""The structure of the lake tables: columns, partitions, sort order, branches and required properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from shoplake.verify.report import Finding
from shoplake.verify.structure_diff import compared, wanted

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table


def check_table(topic: str, table: Table, kinds: Mapping[str, str], held: Mapping[str, str]) -> list[Finding]:
    """Compare the structure of a table. Return the findings.

    Args:
        topic: name of the table.
        table: from the catalogue.
        kinds: columns of the contract, with DuckDB types.
        held: columns of the table, with DuckDB types. A missing column is not reported here, because a newer
            contract may have added it; the comparison of rows decides.
    """
    expected = {f"column {name}": kind for name, kind in kinds.items() if name in held}
    found = {f"column {name}": kind for name, kind in held.items()}
    found |= {
        f"column {field.name}": f"{held[field.name]}, required" for field in table.schema().fields if field.required
    }
    return compared(_of(topic, expected | wanted("lake")), _of(topic, found | _settings(table)))


def check_catalog(catalog: Catalog, database: str, topics: Mapping[str, object]) -> list[Finding]:
    """Report tables in the database that belong to no topic."""
    listed = {identifier[-1] for identifier in catalog.list_tables(database)}
    return compared({}, {f"table {name}": "a table that belongs to no topic" for name in listed - topics.keys()})


def _of(topic: str, described: Mapping[str, str]) -> dict[str, str]:
    return {f"{name} of {topic}": description for name, description in described.items()}


def _settings(table: Table) -> dict[str, str]:
    schema = table.schema()

    def column(source: int) -> str:
        return schema.find_column_name(source) or f"column {source}, which is not there"

    partitions = [f"{part.name} {part.transform}({column(part.source_id)})" for part in table.spec().fields]
    order = [f"{part.transform}({column(part.source_id)}) {part.direction}" for part in table.sort_order().fields]
    return {
        "format version": str(table.metadata.format_version),
        "partition by": ", ".join(partitions) or "none",
        "sort order": ", ".join(order) or "none",
        "branches": ", ".join(sorted(table.refs())) or "main",  # before the first commit there is none yet
        "property commit.retry.num-retries": table.properties.get("commit.retry.num-retries", "not set"),
    }
