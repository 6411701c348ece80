"""Read the lake: PyIceberg lists the files, a few threads download them, and DuckDB reads them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from sqlalchemy.exc import SQLAlchemyError

from shoplake import aws
from shoplake.contract import TOPICS
from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns, literal, parquet_of, run_sql
from shoplake.verify.report import Finding
from shoplake.verify.stores.lake_files import Files
from shoplake.verify.stores.lake_structure import check_catalog, check_table
from shoplake.verify.structure_diff import differing

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.table import Table

COMPARISONS = tuple(Comparison("lake", topic, ("kafka_partition", "kafka_offset")) for topic in TOPICS)


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create the expected tables."""
    run_sql(cursor, "lake")


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
    """Create the found tables as views of the lake's files. A table that does not exist yet is empty.

    Iceberg's metadata lists the files, and DuckDB reads them: PyIceberg needs three milliseconds per file, and the
    sink writes many. To copy the rows into DuckDB tables would take four times as long.

    Raises:
        StoreUnavailable: the catalogue or the files do not answer.
    """
    try:
        catalog = open_catalog(settings)
        findings = []
        with contextlib.suppress(NoSuchNamespaceError):
            findings += check_catalog(catalog, settings.lake.database, TOPICS)
        for comparison in COMPARISONS:
            files = Files(comparison.table, _folder(folder, comparison))
            findings += _load_table(cursor, catalog, settings.lake.database, comparison, files)
        return findings
    except (BotoCoreError, ClientError, SQLAlchemyError, OSError) as error:
        raise StoreUnavailable(
            f"lake at {settings.lake.warehouse} could not be read: {error}",
            fix="`shoplake apply` creates the buckets and the catalogue; check `shoplake status`",
        ) from error


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Do nothing: this store needs no adjustment."""
    del cursor


def repair(cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
    """Repair or delete the files that DuckDB could not read, and report them."""
    fetched = [comparison for comparison in COMPARISONS if _folder(folder, comparison).exists()]
    return [
        finding
        for comparison in fetched
        for finding in Files(comparison.table, _folder(folder, comparison)).repair(cursor)
    ]


def _folder(folder: Path, comparison: Comparison) -> Path:
    return folder / "lake" / comparison.table


def open_catalog(settings: Settings) -> Catalog:
    """Open the Iceberg catalogue of the environment: Glue, or Postgres if the emulator has no Glue."""
    files = _s3_properties()
    if settings.lake.catalog == "glue":
        return GlueCatalog("shoplake", **files, **_glue_properties())
    return SqlCatalog(
        "shoplake",
        uri=settings.postgres.url().render_as_string(hide_password=False),
        warehouse=settings.lake.warehouse,
        **files,
    )


def _s3_properties() -> dict[str, str]:
    # The emulator may be busy writing its state; the default timeout of Arrow is three seconds.
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
    cursor: duckdb.DuckDBPyConnection, catalog: Catalog, database: str, comparison: Comparison, files: Files
) -> list[Finding]:
    """Create the found table. Unreadable parts are reported, and their rows count as lost."""
    kinds = columns(cursor, comparison.expected)
    try:
        table = catalog.load_table((database, comparison.table))
        empty = files.fetch(table)
    except (NoSuchTableError, NoSuchNamespaceError):
        _create_empty(cursor, comparison)
        return []
    except (BotoCoreError, ClientError, SQLAlchemyError):
        raise
    except Exception as error:  # metadata and manifests are JSON and Avro files with any content
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            raise  # the file store does not answer
        _create_empty(cursor, comparison)
        why = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no further message'}"
        return [differing(f"table {comparison.table}", "metadata that can be read", why)]
    held = _types(cursor, empty)
    selected = ", ".join(_selected(name) for name in kinds if name in held)
    cursor.execute(
        f"CREATE VIEW {comparison.found} AS SELECT {selected} FROM {_relation(files.folder, table, held)}"  # noqa: S608
    )
    return [*check_table(comparison.table, table, _stored(kinds), held), *files.findings]


def _create_empty(cursor: duckdb.DuckDBPyConnection, comparison: Comparison) -> None:
    cursor.execute(f"CREATE TABLE {comparison.found} AS SELECT * FROM {comparison.expected} LIMIT 0")  # noqa: S608


def _types(cursor: duckdb.DuckDBPyConnection, empty: pa.Table) -> dict[str, str]:
    cursor.register("empty", empty)
    types = {name: kind for name, kind, *_ in cursor.execute("DESCRIBE empty").fetchall()}
    cursor.unregister("empty")
    return types


def _stored(kinds: Mapping[str, str]) -> dict[str, str]:
    """Return the types in the lake, where times have a zone."""
    return {name: "TIMESTAMP WITH TIME ZONE" if kind == "TIMESTAMP" else kind for name, kind in kinds.items()}


def _relation(folder: Path, table: Table, types: Mapping[str, str]) -> str:
    """Return the files as a DuckDB relation. Columns are matched by Iceberg field id, not by name."""
    fields = ", ".join(
        f"{field.field_id}: {{name: {literal(field.name)}, type: '{types[field.name]}', default_value: NULL}}"
        for field in table.schema().fields
    )
    return f"read_parquet({parquet_of(folder)}, schema = MAP {{{fields}}})"


def _selected(name: str) -> str:
    # Without a time zone, as everywhere in verify: all times are UTC.
    return 'make_timestamp(epoch_us("occurred_at")) AS "occurred_at"' if name == "occurred_at" else f'"{name}"'
