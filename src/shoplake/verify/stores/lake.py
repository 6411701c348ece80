"""What the lake holds: PyIceberg reads its files, a few at a time; DuckDB reads what is written down of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet
from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import FileScanTask
from sqlalchemy.exc import SQLAlchemyError

from shoplake import aws
from shoplake.contract import TOPICS
from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns, run_sql

COMPARISONS = tuple(Comparison("lake", topic, ("kafka_partition", "kafka_offset")) for topic in TOPICS)
GROUP_ROWS = 100_000


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the expected tables."""
    run_sql(cursor, "lake")


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> None:
    """Make the found tables, views of Parquet files in `folder`; a table that no sink has made yet holds nothing.

    To take as many rows into tables of its own would take DuckDB four times as long.

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
    held = {field.name for field in table.schema().fields}
    wanted = [name for name in columns(cursor, comparison.expected) if name in held]
    scan = table.scan(selected_fields=tuple(wanted))
    reader = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter)
    folder.mkdir(parents=True)
    for number, files in enumerate(([], *_groups(scan.plan_files()))):  # the first is for the columns
        parquet.write_table(
            reader.to_table(files),
            folder / f"{number:06}.parquet",
            compression="lz4",
            use_dictionary=False,
            write_statistics=False,
        )
    selected = ", ".join(_selected(name) for name in wanted)
    cursor.execute(f"CREATE VIEW {comparison.found} AS SELECT {selected} FROM read_parquet('{folder}/*.parquet')")  # noqa: S608


def _groups(files: Iterable[FileScanTask]) -> Iterator[list[FileScanTask]]:
    """A few files at a time. PyIceberg's own batch reader reads all of them ahead, so memory would not be bounded."""
    group: list[FileScanTask] = []
    rows = 0
    for file in files:
        group.append(file)
        rows += file.file.record_count
        if rows >= GROUP_ROWS:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _selected(name: str) -> str:
    # Without a zone, as everywhere here: all times are UTC.
    return 'make_timestamp(epoch_us("occurred_at")) AS "occurred_at"' if name == "occurred_at" else f'"{name}"'
