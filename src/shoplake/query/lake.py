"""The tables of the lake as Arrow datasets: PyIceberg names the files, and DuckDB reads what a statement needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow.dataset as arrow
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from pyiceberg.expressions import GreaterThanOrEqual
from pyiceberg.io.pyarrow import schema_to_pyarrow
from sqlalchemy.exc import SQLAlchemyError

from shoplake.contract import TOPICS
from shoplake.errors import QueryRefused, StoreUnavailable
from shoplake.sinks.lake.tables import open_catalog

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from shoplake.settings import Settings


def tables(settings: Settings) -> Iterator[tuple[str, arrow.Dataset]]:
    """Each table at its newest snapshot, by name; what no sink has made yet is left out.

    Raises:
        StoreUnavailable: the catalogue or the files do not answer.
    """
    with answering(settings):
        catalog = open_catalog(settings)
        for name in TOPICS:
            with contextlib.suppress(NoSuchTableError, NoSuchNamespaceError):
                yield name, dataset(catalog.load_table((settings.lake.database, name)))


def gold_database(settings: Settings) -> str:
    """The name of the database of the warehouse's gold tables."""
    return f"{settings.lake.database}_gold"


def gold_tables(settings: Settings) -> Iterator[tuple[str, arrow.Dataset]]:
    """Each gold table at its newest snapshot, by name.

    Raises:
        StoreUnavailable: the catalogue or the files do not answer.
        QueryRefused: no warehouse was built.
    """
    with answering(settings):
        catalog = open_catalog(settings)
        try:
            names = sorted(name for _, name in catalog.list_tables(gold_database(settings)))
        except NoSuchNamespaceError as error:
            raise QueryRefused("no warehouse was built", fix="run `shoplake warehouse build`") from error
        for name in names:
            yield name, dataset(catalog.load_table((gold_database(settings), name)))


def dataset(table: Table, first_offset: int = 0) -> arrow.Dataset:
    """The data files of the table's snapshot; nothing of them is read before a statement asks for it.

    Args:
        table: at the snapshot that it was loaded with.
        first_offset: leave out files whose highest `kafka_offset` is lower, by the statistics in Iceberg's metadata.

    Raises:
        QueryRefused: another engine has noted rows of the table as deleted, which only Iceberg's own readers know.
    """
    # As the sink writes them: PyIceberg's default takes texts for large ones, which no file of the sink has.
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    scan = table.scan(row_filter=GreaterThanOrEqual("kafka_offset", first_offset)) if first_offset else table.scan()
    tasks = list(scan.plan_files())
    if any(task.delete_files for task in tasks):
        raise QueryRefused(
            f"expected a table without delete files, {table.name()[-1]} has some, of another engine",
            fix=f"read it with that engine: {table.location()}",
        )
    paths = [task.file.file_path for task in tasks]
    if not paths:
        return arrow.dataset(schema.empty_table())
    return arrow.dataset(
        [path.partition("://")[2] for path in paths], schema=schema, format="parquet", filesystem=_filesystem(table)
    )


@contextlib.contextmanager
def answering(settings: Settings) -> Iterator[None]:
    """Turn what the catalogue or the files say into an error of ours."""
    try:
        yield
    except (BotoCoreError, ClientError, SQLAlchemyError, OSError) as error:
        raise StoreUnavailable(
            f"lake at {settings.lake.warehouse} could not be read: {error}",
            fix="`shoplake apply` makes the buckets and the catalogue; look at `shoplake status`",
        ) from error


def _filesystem(table: Table) -> object:
    scheme, _, rest = table.location().partition("://")
    return table.io.fs_by_scheme(scheme, rest.partition("/")[0])
