"""What the lake holds: PyIceberg says which files, and they are fetched, a few at a time, for DuckDB to read."""

from __future__ import annotations

import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as parquet
from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from pyiceberg.io.pyarrow import ArrowScan, schema_to_pyarrow
from sqlalchemy.exc import SQLAlchemyError

from shoplake import aws
from shoplake.contract import TOPICS
from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns, parquet_of, run_sql

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.table import DataScan, FileScanTask, Table

COMPARISONS = tuple(Comparison("lake", topic, ("kafka_partition", "kafka_offset")) for topic in TOPICS)
FILES_AT_ONCE = 4
COPY_BYTES = 1024 * 1024


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the expected tables."""
    run_sql(cursor, "lake")


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> None:
    """Make the found tables, views of the lake's files; a table that no sink has made yet holds nothing.

    Iceberg's metadata says which files there are, and DuckDB reads them: PyIceberg takes three milliseconds for each,
    and the sink makes many. To take the rows into tables of its own would take DuckDB four times as long again.

    Raises:
        StoreUnavailable: the catalogue or the files do not answer.
    """
    try:
        catalog = open_catalog(settings)
        for comparison in COMPARISONS:
            _load_table(cursor, catalog, settings.lake.database, comparison, folder / "lake" / comparison.table)
    except (BotoCoreError, ClientError, SQLAlchemyError, OSError) as error:
        raise StoreUnavailable(
            f"lake at {settings.lake.warehouse} could not be read: {error}",
            fix="`shoplake apply` makes the buckets and the catalogue; look at `shoplake status`",
        ) from error


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Nothing to settle."""
    del cursor


def open_catalog(settings: Settings) -> Catalog:
    """The Iceberg catalogue of the environment: Glue, or tables in Postgres where the emulator has no Glue."""
    files = _s3_properties()
    if settings.lake.catalog == "glue":
        return load_catalog("shoplake", type="glue", **files, **_glue_properties())
    return load_catalog(
        "shoplake",
        type="sql",
        uri=settings.postgres.url().render_as_string(hide_password=False),
        warehouse=settings.lake.warehouse,
        **files,
    )


def _s3_properties() -> dict[str, str]:
    # The emulator may be busy writing its state; Arrow's own patience is three seconds.
    properties = {"s3.region": aws.region(), "s3.connect-timeout": "10", "s3.request-timeout": "60"}
    if endpoint := aws.endpoint_url():
        properties["s3.endpoint"] = endpoint
    if credentials := Session().get_credentials():
        frozen = credentials.get_frozen_credentials()
        properties["s3.access-key-id"] = frozen.access_key
        properties["s3.secret-access-key"] = frozen.secret_key
        if frozen.token:
            properties["s3.session-token"] = frozen.token
    return properties


def _glue_properties() -> dict[str, str]:
    endpoint = aws.endpoint_url()
    return {"glue.region": aws.region(), **({"glue.endpoint": endpoint} if endpoint else {})}


def _load_table(
    cursor: duckdb.DuckDBPyConnection, catalog: Catalog, database: str, comparison: Comparison, folder: Path
) -> None:
    try:
        table = catalog.load_table((database, comparison.table))
    except (NoSuchTableError, NoSuchNamespaceError):
        cursor.execute(f"CREATE TABLE {comparison.found} AS SELECT * FROM {comparison.expected} LIMIT 0")  # noqa: S608
        return
    folder.mkdir(parents=True)
    scan = table.scan()
    empty = schema_to_pyarrow(table.schema(), include_field_ids=True).empty_table()
    parquet.write_table(empty, folder / "empty.parquet")
    with ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="lake") as pool:
        fetched = [pool.submit(_fetch, scan, file, folder, empty.schema) for file in scan.plan_files()]
    for file in fetched:
        file.result()
    held = set(empty.column_names)
    selected = ", ".join(_selected(name) for name in columns(cursor, comparison.expected) if name in held)
    cursor.execute(f"CREATE VIEW {comparison.found} AS SELECT {selected} FROM {_files(cursor, folder, table, empty)}")  # noqa: S608


def _fetch(scan: DataScan, task: FileScanTask, folder: Path, schema: pa.Schema) -> None:
    """A data file as it is, or what is left of one that has deletes beside it."""
    path = folder / f"{uuid.uuid4().hex}.parquet"
    if is_whole(task):
        with scan.io.new_input(task.file.file_path).open(seekable=False) as source, path.open("wb") as file:
            shutil.copyfileobj(source, file, COPY_BYTES)
        return
    reader = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter)
    parquet.write_table(reader.to_table([task]).cast(schema), path)


def is_whole(task: FileScanTask) -> bool:
    """Whether all rows of the file are in the table: other engines may have noted some of them as deleted."""
    return not task.delete_files


def _files(cursor: duckdb.DuckDBPyConnection, folder: Path, table: Table, empty: pa.Table) -> str:
    """The files as DuckDB's relation, each column found by Iceberg's number of the field, whatever a file calls it."""
    cursor.register("empty", empty)
    types = {name: kind for name, kind, *_ in cursor.execute("DESCRIBE empty").fetchall()}
    cursor.unregister("empty")
    fields = ", ".join(
        f"{field.field_id}: {{name: '{field.name}', type: '{types[field.name]}', default_value: NULL}}"
        for field in table.schema().fields
    )
    return f"read_parquet({parquet_of(folder)}, schema = MAP {{{fields}}})"


def _selected(name: str) -> str:
    # Without a zone, as everywhere here: all times are UTC.
    return 'make_timestamp(epoch_us("occurred_at")) AS "occurred_at"' if name == "occurred_at" else f'"{name}"'
