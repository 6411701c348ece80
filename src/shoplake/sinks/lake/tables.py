"""Iceberg's catalogue and the tables of the lake, derived from the contract."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.transforms import DayTransform

from shoplake import aws
from shoplake.sinks.lake.schema import table_schema

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from shoplake.contract import Topic
    from shoplake.settings import Settings

TABLE_PROPERTIES = {
    # PyIceberg would answer a refused commit by rebasing onto what it met and committing again. For a sink, what it
    # met may be a new owner's epoch, or its own commit whose answer was lost: it has to read before it writes.
    "commit.retry.num-retries": "0",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "format-version": "2",
}


def open_catalog(settings: Settings) -> Catalog:
    """The environment's catalogue: Glue, or a SQL catalogue in Postgres where there is no Glue.

    PyIceberg's `load_catalog` would add properties from a file of the user's.
    """
    region = aws.region()
    properties = {
        "warehouse": settings.lake.warehouse,
        "client.region": region,
        "s3.region": region,
        # An emulator may be busy writing its state; Arrow's own patience is three seconds.
        "s3.connect-timeout": "10",
        "s3.request-timeout": "60",
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
    }
    if endpoint := aws.endpoint_url():
        properties |= {"s3.endpoint": endpoint} | _keys()
    if settings.lake.catalog == "glue":
        # A commit that boto3 sends again after its answer was lost meets itself, and is refused as a conflict; and of
        # a refused commit PyIceberg deletes the manifests, which by then the table's current snapshot needs.
        return GlueCatalog("shoplake", aws.client("glue", max_attempts=0, read_timeout_s=60), **properties)
    from pyiceberg.catalog.sql import SqlCatalog  # SQLAlchemy, which Glue does without

    uri = settings.postgres.url().render_as_string(hide_password=False)
    return SqlCatalog("shoplake", uri=uri, **properties)


def forget_lost_tables(catalog: Catalog, settings: Settings) -> None:
    """Drop what the catalogue names and nobody can read any more, where the whole warehouse is empty.

    A catalogue in Postgres outlives an emulator that came back empty. Where a single file is left, nothing is dropped:
    then something else has gone wrong, and a person has to look.
    """
    if settings.lake.catalog != "sql":
        return  # Glue goes with the files
    where = urlsplit(settings.lake.warehouse)
    found = aws.client("s3").list_objects_v2(Bucket=where.netloc, Prefix=where.path.lstrip("/"), MaxKeys=1)
    if found["KeyCount"] or not catalog.namespace_exists(settings.lake.database):
        return
    for identifier in catalog.list_tables(settings.lake.database):
        try:
            catalog.load_table(identifier)
        except FileNotFoundError:
            with contextlib.suppress(NoSuchTableError):  # another process was quicker
                catalog.drop_table(identifier)


def _keys() -> dict[str, str]:
    # For an emulator alone. On AWS each library finds the role's keys by itself, and new ones when those have expired.
    found = aws.session().get_credentials()
    if found is None:
        return {}
    frozen = found.get_frozen_credentials()
    return {"client.access-key-id": frozen.access_key, "client.secret-access-key": frozen.secret_key}


def create_table(catalog: Catalog, database: str, topic: Topic) -> Table:
    """The topic's table, made with the topic's columns if it is not there."""
    identifier = (database, topic.name)
    schema = table_schema(topic)
    day = PartitionField(schema.find_field("occurred_at").field_id, 1000, DayTransform(), "occurred_day")
    with contextlib.suppress(NoSuchTableError):
        return catalog.load_table(identifier)
    with contextlib.suppress(NamespaceAlreadyExistsError):
        catalog.create_namespace(database)
    try:
        return catalog.create_table(
            identifier, schema=schema, partition_spec=PartitionSpec(day), properties=TABLE_PROPERTIES
        )
    except TableAlreadyExistsError:  # another process was quicker
        return catalog.load_table(identifier)


def add_new_columns(table: Table, topic: Topic, rows: pa.Table) -> bool:
    """Add the columns that rows have values for and the table lacks; False when there is none.

    A field of a newer contract is null in every event until its version is in force (ADR 25), so that a column is not
    added before, and an older program does not take it for a foreign one. The table has to be read again afterwards:
    a commit of another owner's may have come between.
    """
    lacking = _lacking(table, rows)
    new = [name for name in lacking if rows[name].null_count < len(rows)]
    if not new:
        return False
    schema = table_schema(topic)
    with contextlib.suppress(CommitFailedException), table.update_schema() as update:  # who reads again sees why
        for name in new:
            update.add_column(name, schema.find_field(name).field_type)
    return True


def of_columns_held(table: Table, rows: pa.Table) -> pa.Table:
    """The rows without the columns that the table lacks."""
    return rows.drop_columns(_lacking(table, rows))


def _lacking(table: Table, rows: pa.Table) -> list[str]:
    held = set(table.schema().column_names)
    return [name for name in rows.column_names if name not in held]
