"""Damage to the lake: schemas, partitions, branches, files and metadata of Iceberg tables."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as parquet
from pyiceberg.catalog import Catalog
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import NestedField, StringType

from shoplake import aws
from shoplake.settings import Settings
from shoplake.verify.stores.lake import open_catalog

from .finding import ExpectedFinding


class Tables(NamedTuple):
    catalog: Catalog
    database: str

    def table(self, topic: str) -> Table:
        return self.catalog.load_table((self.database, topic))

    def rewrite(self, topic: str, change: Callable[[bytes], bytes]) -> str:
        """Changes one data file in place, as a disk would; its address."""
        table = self.table(topic)
        address = max(task.file.file_path for task in table.scan().plan_files())
        bucket, key = address.removeprefix("s3://").split("/", 1)
        client = aws.client("s3")
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
        client.put_object(Bucket=bucket, Key=key, Body=change(body))
        return address


def lake_column_too_many(tables: Tables) -> ExpectedFinding:
    with tables.table("customers").update_schema() as update:
        update.add_column("evil", StringType())
    return ExpectedFinding("duplicated", "structure", "column evil of customers", "VARCHAR")


def lake_property_that_retries(tables: Tables) -> ExpectedFinding:
    with tables.table("customers").transaction() as change:
        change.set_properties({"commit.retry.num-retries": "4"})
    return ExpectedFinding(
        "differing", "structure", "property commit.retry.num-retries of customers", "expected '0', found '4'"
    )


def lake_partitions_gone(tables: Tables) -> ExpectedFinding:
    with tables.table("customers").update_spec() as update:
        update.remove_field("occurred_day")
    return ExpectedFinding("differing", "structure", "partition by of customers", "day(occurred_at)")


def lake_sorted(tables: Tables) -> ExpectedFinding:
    with tables.table("products").update_sort_order() as update:
        update.asc("event_id", IdentityTransform())
    return ExpectedFinding(
        "differing", "structure", "sort order of products", "expected 'none', found 'identity(event_id)"
    )


def lake_branch(tables: Tables) -> ExpectedFinding:
    table = tables.table("products")
    snapshot = table.current_snapshot()
    assert snapshot is not None
    with table.manage_snapshots() as change:
        change.create_branch(snapshot.snapshot_id, "mine")
    return ExpectedFinding("differing", "structure", "branches of products", "found 'main, mine'")


def lake_table_too_many(tables: Tables) -> ExpectedFinding:
    tables.catalog.create_table((tables.database, "more"), Schema(NestedField(1, "a", StringType())))
    return ExpectedFinding("duplicated", "structure", "table more", "no topic")


def lake_value_cut_in_half(tables: Tables) -> ExpectedFinding:
    def cut(body: bytes) -> bytes:
        rows = parquet.read_table(io.BytesIO(body))
        ids = [text.encode() for text in rows["event_id"].to_pylist()]
        ids[0] = b"\xf0\x9f"
        place = rows.schema.get_field_index("event_id")
        halved = _unchecked(ids)
        out = io.BytesIO()
        parquet.write_table(rows.set_column(place, rows.schema.field(place).with_type(halved.type), halved), out)
        where.append(f"{rows['kafka_partition'][0]}/{rows['kafka_offset'][0]}")
        return out.getvalue()

    where: list[str] = []
    tables.rewrite("orders", cut)
    return ExpectedFinding("differing", "orders", where[0], "not UTF-8: b'")


def _unchecked(texts: list[bytes]) -> pa.Array:
    """An array of strings whose bytes nobody has looked at."""
    held = pa.array(texts, pa.binary())
    return pa.Array.from_buffers(pa.string(), len(held), held.buffers())


def lake_file_cut_off(tables: Tables) -> ExpectedFinding:
    address = tables.rewrite("products", lambda body: body[: len(body) // 2])
    return ExpectedFinding("differing", "structure", f"file {address} of products", "a Parquet file that can be read")


def lake_file_gone(tables: Tables) -> ExpectedFinding:
    address = min(task.file.file_path for task in tables.table("inventory").scan().plan_files())
    bucket, key = address.removeprefix("s3://").split("/", 1)
    aws.client("s3").delete_object(Bucket=bucket, Key=key)
    return ExpectedFinding("differing", "structure", f"file {address} of inventory", "no such file")


def lake_metadata_gone(tables: Tables) -> ExpectedFinding:
    address = tables.table("clicks").metadata_location
    bucket, key = address.removeprefix("s3://").split("/", 1)
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"{")
    return ExpectedFinding("differing", "structure", "table clicks", "metadata that can be read")


LAKE = {
    "a column too many": lake_column_too_many,
    "a property that retries": lake_property_that_retries,
    "a table without partitions": lake_partitions_gone,
    "a table that is sorted": lake_sorted,
    "a branch too many": lake_branch,
    "a table too many": lake_table_too_many,
    "a value that was cut in half": lake_value_cut_in_half,
    "a file that was cut off": lake_file_cut_off,
    "a file that is gone": lake_file_gone,
    "metadata that is none": lake_metadata_gone,
}


@contextmanager
def tables_of(settings: Settings) -> Iterator[Tables]:
    yield Tables(open_catalog(settings), settings.lake.database)
