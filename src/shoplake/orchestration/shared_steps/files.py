"""Files that people upload become tables of the lake: each file once, by the hash of its content.

A table is in the database of uploads, with the columns of its first file. Each row has the file's name and hash. A file
is one commit of Iceberg, so after a kill it is in the table as a whole or not at all. A file that has changed replaces
the rows that it had.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import EqualTo
from pyiceberg.io.pyarrow import schema_to_pyarrow

from shoplake.errors import QueryRefused, UsageError, WorkflowFailed
from shoplake.orchestration.shared_steps import bad_rows, landing
from shoplake.orchestration.shared_steps.landing import NAME, READERS, Say, database
from shoplake.query import lake
from shoplake.query.duckdb_session import opened
from shoplake.query.result import Limits
from shoplake.sinks.lake.tables import TABLE_PROPERTIES, open_catalog

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

    from shoplake.orchestration.workflow import Context
    from shoplake.settings import Settings

FILE, HASH = "source_file", "source_sha256"
REJECTED = "_rejected"
"""Added to the name of a table: the rows of its files that do not fit to it."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Numbers of rows of a file that are in the table, and that were set aside."""

    good: int
    bad: int


@dataclass(frozen=True, slots=True)
class Landed:
    """The files of a table after its folder was read.

    Attributes:
        table: `<database>.<table>`.
        new: file -> its rows, of the files that this call has written.
        rows: file -> its rows, of all files in the table.
        refused: file -> why it is not in the table.
        rejected: file -> its rows in `<table>_rejected`: they do not fit to the table.
    """

    table: str
    new: Mapping[str, int]
    rows: Mapping[str, int]
    refused: Mapping[str, str]
    rejected: Mapping[str, int]


def land(settings: Settings, folder: Path, table: str, say: Say) -> Landed:
    """Bring each file of a folder into a table. A file that cannot be read does not hinder the others.

    Args:
        settings: of the environment.
        folder: with CSV, JSON, JSON lines and Parquet files; other files and subfolders are left alone.
        table: its name; made with the columns of the first file.
        say: told of each file.

    Raises:
        UsageError: the name of the table is not valid, or the folder does not exist.
        StoreUnavailable: the lake does not answer, or another process has written the table meanwhile.
    """
    landing.check_name(table)
    if not folder.is_dir():
        raise UsageError(f"expected a folder with files, found none at {folder}", fix="make it, or name another one")
    files = sorted(one for one in folder.iterdir() if one.suffix.lower() in READERS and one.is_file())
    new, refused = {}, {}
    name = (database(settings), table)
    with landing.answering(settings):
        target = _Target(open_catalog(settings), name)
        for file in files:
            try:
                if target.has(file):
                    continue
                rows = landing.committed(functools.partial(target.land, file), target.refresh)
            except UsageError as error:
                refused[file.name] = error.message
                say(error.message)
                continue
            new[file.name] = rows.good
            aside = f", {rows.bad:,} set aside in {table}{REJECTED}" if rows.bad else ""
            say(f"{file.name}: {rows.good:,} rows{aside}")
        target.refresh()
        counts, rejected = _counts(target.held), _counts(target.rejected)
    return Landed(f"{database(settings)}.{table}", new, counts, refused, rejected)


def ingest(context: Context, folder: Path, table: str) -> Landed:
    """The step of a source: land the files of a folder, note the table, and fail if a file was refused.

    Raises:
        WorkflowFailed: files were refused; the others are in the table.
        UsageError, StoreUnavailable: as `land`.
    """
    done = land(context.settings("lake"), folder, table, context.say)
    counts = {"files": len(done.rows), "rows": sum(done.rows.values()), "rejected": sum(done.rejected.values())}
    context.changed(f"uploads.{table}", **counts)
    if done.refused:
        raise WorkflowFailed(f"{len(done.refused)} files were refused: {'; '.join(done.refused.values())}")
    return done


def model(settings: Settings, file: Path) -> tuple[str, int]:
    """Build a table of uploads from a SELECT in a file, named as the file. It is replaced in one commit.

    The SELECT reads the schemas `uploads`, `lake` and `gold`.

    Returns:
        `<database>.<table>`, and its number of rows.

    Raises:
        UsageError: DuckDB refuses the statement, or the file's name is not valid.
        StoreUnavailable: the lake does not answer, or another process has written the table meanwhile.
    """
    if not NAME.fullmatch(file.stem):
        raise UsageError(f"expected a file named in lower case, with _, found '{file.name}'")
    name = (database(settings), file.stem)
    with landing.answering(settings), opened(settings, Limits(1, 600)) as session:
        session.attach("uploads", _tables(settings))
        session.attach_lake()
        with contextlib.suppress(QueryRefused):  # no warehouse was built
            session.attach_gold()
        try:
            rows = session.arrow(file.read_text(encoding="utf-8"))
        except QueryRefused as error:
            raise UsageError(f"{file.name}: {error.message}", fix=error.fix) from error
        catalog = open_catalog(settings)
        with contextlib.suppress(NoSuchTableError):
            table = catalog.load_table(name)
            if table.schema().column_names == rows.column_names:
                table.overwrite(rows.cast(schema_to_pyarrow(table.schema(), include_field_ids=False)))
                return ".".join(name), len(rows)
            catalog.drop_table(name)
        catalog.create_table(name, schema=rows.schema, properties=TABLE_PROPERTIES).append(rows)
    return ".".join(name), len(rows)


def _tables(settings: Settings) -> Iterator[tuple[str, object]]:
    catalog = open_catalog(settings)
    for name in sorted(name for _, name in catalog.list_tables(database(settings))):
        yield name, lake.dataset(catalog.load_table((database(settings), name)))


class _Target:
    """A table and the hashes of its files, as they were read last."""

    def __init__(self, catalog: Catalog, name: tuple[str, str]) -> None:
        self._catalog = catalog
        self._name = name
        self.refresh()

    def refresh(self) -> None:
        """Read them again.

        Raises:
            UsageError: the table was not made from files.
        """
        self.held = landing.opened(self._catalog, self._name)
        if self.held is not None and not {FILE, HASH} <= set(self.held.schema().column_names):
            raise UsageError(f"the table {'.'.join(self._name)} was not made from files", fix="name another table")
        self._known = _hashes(self.held)
        self.rejected = landing.opened(self._catalog, (self._name[0], self._name[1] + REJECTED))

    def has(self, file: Path) -> bool:
        """Whether the file is in the table as it is."""
        return self._known.get(file.name) == _digest(file)

    def land(self, file: Path) -> Rows:
        """Write a file, unless another process has written it meanwhile.

        Its rejected rows come first: the commit of the others says that the file is done.
        """
        digest = _digest(file)
        good, bad = (_marked(rows, file.name, digest) for rows in _read(file, self.held))
        if self._known.get(file.name) != digest:
            self._set_aside(file.name, bad)
            self.held = _write(self._catalog, self._name, self.held, good, file.name in self._known)
            self._known[file.name] = digest
        return Rows(len(good), len(bad))

    def _set_aside(self, file: str, bad: pa.Table) -> None:
        """Replace the rejected rows of a file."""
        if self.rejected is None:
            if not len(bad):
                return
            name = (self._name[0], self._name[1] + REJECTED)
            self.rejected = landing.created(self._catalog, name, bad.schema)
        with self.rejected.transaction() as commit:
            if file in _counts(self.rejected):
                commit.delete(EqualTo(FILE, file))
            if len(bad):
                commit.append(bad)


def _write(catalog: Catalog, name: tuple[str, str], held: Table | None, rows: pa.Table, again: bool) -> Table:
    if held is None:
        held = landing.created(catalog, name, rows.schema)
        rows = rows.cast(schema_to_pyarrow(held.schema(), include_field_ids=False))
    if again:
        held.overwrite(rows, EqualTo(FILE, rows[FILE][0].as_py()))
    else:
        held.append(rows)
    return held


def _read(file: Path, held: Table | None) -> tuple[pa.Table, pa.Table]:
    """The rows of a file, with the columns of the table if there is one, and the rows that do not fit.

    Raises:
        UsageError: it cannot be read, does not have these columns, or no row fits.
    """
    rows, unread = landing.read(file, file.name)
    if taken := sorted({FILE, HASH} & set(rows.column_names)):
        raise UsageError(f"{file.name}: the column `{taken[0]}` is reserved")
    if held is None:
        return rows, unread
    try:
        good, bad = bad_rows.split(rows, landing.wanted(file.name, rows, held, (FILE, HASH)))
    except duckdb.Error as error:
        raise UsageError(f"{file.name}: its columns have other types: {str(error).splitlines()[0]}") from error
    if not len(good):
        raise UsageError(f"{file.name}: none of its {len(bad):,} rows fits: {bad['reason'][0].as_py()}")
    return good, pa.concat_tables([unread, bad])


def _marked(rows: pa.Table, file: str, digest: str) -> pa.Table:
    for name, value in ((FILE, file), (HASH, digest)):
        rows = rows.append_column(name, pa.repeat(value, len(rows)))
    return rows


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _hashes(held: Table | None) -> dict[str, str]:
    if held is None:
        return {}
    found = held.scan(selected_fields=(FILE, HASH)).to_arrow().group_by([FILE, HASH]).aggregate([])
    return dict(zip(found[FILE].to_pylist(), found[HASH].to_pylist(), strict=True))


def _counts(held: Table | None) -> dict[str, int]:
    if held is None:
        return {}
    found = held.scan(selected_fields=(FILE,)).to_arrow().group_by(FILE).aggregate([([], "count_all")])
    return dict(sorted(zip(found[FILE].to_pylist(), found["count_all"].to_pylist(), strict=True)))
