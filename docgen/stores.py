"""The reference of what the stores are made of: tables, keys, columns. docs/data-model.md defines their content."""

from __future__ import annotations

import re

from docgen import hcl, markdown
from shoplake import paths
from shoplake.contract import TOPICS
from shoplake.sinks.postgres.model import METADATA, REFERENCES

INTRODUCTION = """
What the stores are made of. What each field means and how events become it, the [data model](../data-model.md)
defines; that is what sinks and `verify` both follow.
"""
ER = """
![tables of the schema shop with their columns and references](../diagrams/shop.svg)

A reference here is a column that holds another table's key. None is a foreign key in the database: topics are consumed
independently, so an order may be seen before its customer.
"""


def page() -> str:
    """Postgres, DynamoDB and the lake from their definitions; MongoDB and Redis by their page."""
    return markdown.page(
        "Stores",
        INTRODUCTION,
        f"## Postgres\n\n{ER.strip()}",
        *(_table(name) for name in METADATA.tables),
        f"## DynamoDB\n\n{_dynamodb()}",
        f"## Lake\n\n{_lake()}",
        "## MongoDB and Redis\n\nNeither has a schema of its own: documents and keys are in the data model "
        "([MongoDB](../data-model.md#mongodb-customer-360-and-catalogue), "
        "[Redis](../data-model.md#redis-the-live-board)).",
    )


def _table(name: str) -> str:
    table = METADATA.tables[name]
    refers = {column: other for one, column, other in REFERENCES if one == table.name}
    rows = [
        (
            markdown.code(column.name),
            str(column.type).lower(),
            ", ".join(
                filter(
                    None,
                    [
                        "key" if column.primary_key else "",
                        "never null" if not column.nullable and not column.primary_key else "",
                        f"of [{refers[column.name]}](#{refers[column.name]})" if column.name in refers else "",
                    ],
                )
            ),
        )
        for column in table.columns
    ]
    indexes = "".join(
        f"\n\nIndex `{index.name}` on {', '.join(f'`{column.name}`' for column in index.columns)}."
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    )
    return f"### {table.name}\n\n{markdown.table(('column', 'type', ''), rows)}{indexes}"


def _dynamodb() -> str:
    """Tables with their keys, as Terraform makes them."""
    folder = paths.project_root() / "terraform" / "environments" / "local"
    module = next(block for block in hcl.blocks(folder, "module") if block.labels == ("keyvalue",))
    rows = []
    for name, body in re.findall(r"(?ms)^    (\w+) = \{\n(.*?)^    \}", module.text):
        keys = [
            f"`{kind}` {key}" for kind, key in re.findall(r'(?m)^      (hash|range)_key\s*= \{ name = "(\w+)"', body)
        ]
        indexes = re.findall(
            r'(?ms)^        (\w+) = \{\n\s*hash_key\s*= \{ name = "(\w+)".*?range_key = \{ name = "(\w+)"', body
        )
        ttl = re.search(r'ttl_attribute\s*= "(\w+)"', body)
        rows.append(
            (
                markdown.code(name),
                ", ".join(keys),
                ", ".join(f"`{index}`: {one}, {two}" for index, one, two in indexes),
                markdown.code(ttl[1]) if ttl else "",
            )
        )
    table = markdown.table(("table", "key", "global indexes", "time to live"), rows)
    items = "[data model](../data-model.md#dynamodb-sessions-and-order-status)"
    return f"{table}\n\nItems of one `hash` value are together, ordered by `range`. What is in them: {items}."


def _lake() -> str:
    """One Iceberg table per topic."""
    rows = []
    for topic in TOPICS.values():
        columns = ", ".join(f"`{name}`" for name in (*topic.columns, "occurred_at", "kafka_partition", "kafka_offset"))
        rows.append((markdown.code(topic.name), columns))
    return "Partitioned by day of `occurred_at`.\n\n" + markdown.table(("table", "columns"), rows)
