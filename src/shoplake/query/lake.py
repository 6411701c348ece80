"""The tables of the lake as Arrow datasets: PyIceberg names the files, and DuckDB reads what a statement needs."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow.dataset as arrow
from botocore.exceptions import BotoCoreError, ClientError
from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError
from pyiceberg.io.pyarrow import schema_to_pyarrow
from sqlalchemy.exc import SQLAlchemyError

from shoplake.contract import TOPICS
from shoplake.errors import QueryRefused, StoreUnavailable
from shoplake.sinks.lake.tables import open_catalog

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
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
                yield name, dataset(catalog, settings.lake.database, name)


def dataset(catalog: Catalog, database: str, name: str) -> arrow.Dataset:
    """The data files of the newest snapshot; nothing of them is read before a statement asks for it.

    Raises:
        QueryRefused: another engine has noted rows of the table as deleted, which only Iceberg's own readers know.
    """
    table = catalog.load_table((database, name))
    # As the sink writes them: PyIceberg's default takes texts for large ones, which no file of the sink has.
    schema = schema_to_pyarrow(table.schema(), include_field_ids=False)
    tasks = list(table.scan().plan_files())
    if any(task.delete_files for task in tasks):
        raise QueryRefused(
            f"expected a table without delete files, {name} has some, of another engine",
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
