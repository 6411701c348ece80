"""Read the lake: PyIceberg lists the files, a few threads download them, and DuckDB reads them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path

import duckdb
from boto3.session import Session
from pyiceberg.catalog import Catalog
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchNamespaceError

from shoplake import aws
from shoplake.contract import TOPICS
from shoplake.errors import StoreUnavailable
from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns, run_sql
from shoplake.verify.report import Finding
from shoplake.verify.stores import iceberg_tables
from shoplake.verify.stores.lake_files import Files
from shoplake.verify.stores.lake_structure import check_catalog, check_table

COMPARISONS = tuple(Comparison("lake", topic, ("kafka_partition", "kafka_offset")) for topic in TOPICS)


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create the expected tables."""
    run_sql(cursor, "lake")


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
    """Create the found tables as views of the lake's files. A table that does not exist yet is empty.

    Raises:
        StoreUnavailable: the catalogue or the files do not answer.
    """
    try:
        catalog = open_catalog(settings)
        findings = []
        with contextlib.suppress(NoSuchNamespaceError):
            findings += check_catalog(catalog, settings.lake.database, TOPICS)
        for comparison in COMPARISONS:
            findings += _load_table(cursor, catalog, settings.lake.database, comparison, _files(folder, comparison))
        return findings
    except (*iceberg_tables.CATALOG_ERRORS, OSError) as error:
        raise StoreUnavailable(
            f"lake at {settings.lake.warehouse} could not be read: {error}",
            fix="`shoplake apply` creates the buckets and the catalogue; check `shoplake status`",
        ) from error


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Do nothing: this store needs no adjustment."""
    del cursor


def repair(cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
    """Repair or delete the files that DuckDB could not read, and report them."""
    return iceberg_tables.repair(cursor, (_files(folder, comparison) for comparison in COMPARISONS))


def _files(folder: Path, comparison: Comparison) -> Files:
    return Files(comparison.table, folder / "lake" / comparison.table)


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
    fetched = iceberg_tables.fetch(cursor, catalog, database, files)
    if fetched is None:
        iceberg_tables.create_empty(cursor, comparison)
        return files.findings
    kinds, held = columns(cursor, comparison.expected), fetched.types
    selected = ", ".join(_selected(name) for name in kinds if name in held)
    cursor.execute(f"CREATE VIEW {comparison.found} AS SELECT {selected} FROM {fetched.relation}")  # noqa: S608
    return [*check_table(comparison.table, fetched.table, _stored(kinds), held), *files.findings]


def _stored(kinds: Mapping[str, str]) -> dict[str, str]:
    """Return the types in the lake, where times have a zone."""
    return {name: "TIMESTAMP WITH TIME ZONE" if kind == "TIMESTAMP" else kind for name, kind in kinds.items()}


def _selected(name: str) -> str:
    # Without a time zone, as everywhere in verify: all times are UTC.
    return 'make_timestamp(epoch_us("occurred_at")) AS "occurred_at"' if name == "occurred_at" else f'"{name}"'
