"""Fetches the data files of one table of the lake, and mends or names those that DuckDB cannot read."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as parquet
from pyiceberg.io.pyarrow import ArrowScan, schema_to_pyarrow

from shoplake.verify.database import file_name
from shoplake.verify.report import Finding
from shoplake.verify.structure_diff import differing

if TYPE_CHECKING:
    from pyiceberg.table import DataScan, FileScanTask, Table

FILES_AT_ONCE = 4
COPY_BYTES = 1024 * 1024
ADDRESSES = "addresses.json"
"""Beside the files: name here -> address in the lake."""


@dataclass(slots=True)
class Files:
    """One table's data files, in a folder of their own.

    Attributes:
        topic: the table's name.
        folder: where they are.
        findings: files that are not there, or are no Parquet.
    """

    topic: str
    folder: Path
    findings: list[Finding] = field(default_factory=list)

    def fetch(self, table: Table) -> pa.Table:
        """Bring all of them here; gives an empty table of the lake's schema, which is among them."""
        self.folder.mkdir(parents=True)
        scan = table.scan()
        empty = schema_to_pyarrow(table.schema(), include_field_ids=True).empty_table()
        parquet.write_table(empty, self.folder / "empty.parquet")
        with ThreadPoolExecutor(FILES_AT_ONCE, thread_name_prefix="lake") as pool:
            coming = [
                (task, pool.submit(self._fetch, scan, task, self.folder / f"{number}.parquet", empty.schema))
                for number, task in enumerate(scan.plan_files())
            ]
        addresses = {f"{number}.parquet": task.file.file_path for number, (task, _) in enumerate(coming)}
        self.folder.joinpath(ADDRESSES).write_text(json.dumps(addresses))
        for task, file in coming:
            try:
                file.result()
            except FileNotFoundError:
                self.findings.append(_unreadable(self.topic, task.file.file_path, "no such file"))
        return empty

    def repair(self, database: duckdb.DuckDBPyConnection) -> list[Finding]:
        """Where a query failed: mend what is no text, take away and name what is no Parquet; what was found."""
        addresses = json.loads(self.folder.joinpath(ADDRESSES).read_text())
        for path in sorted(self.folder.glob("*.parquet")):
            if not _readable(database, path) and (why := _mend(database, path)):
                path.unlink()
                self.findings.append(_unreadable(self.topic, addresses[path.name], why))
        return self.findings

    def _fetch(self, scan: DataScan, task: FileScanTask, path: Path, schema: pa.Schema) -> None:
        """A data file as it is, or what is left of one that has deletes beside it."""
        if is_whole(task):
            with scan.io.new_input(task.file.file_path).open(seekable=False) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file, COPY_BYTES)
            return
        reader = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter)
        parquet.write_table(reader.to_table([task]).cast(schema), path)


def is_whole(task: FileScanTask) -> bool:
    """Whether all rows of the file are in the table: other engines may have noted some of them as deleted."""
    return not task.delete_files


def _mend(database: duckdb.DuckDBPyConnection, path: Path) -> str:
    """A value that is no UTF-8 becomes a text that says so, so that its row is found; why not, where that fails."""
    try:
        parquet.write_table(_as_text(parquet.read_table(path)), path)
    except (pa.ArrowException, OSError, ValueError) as error:
        return str(error).splitlines()[0]
    return "" if _readable(database, path) else "values that are no text"


def _readable(database: duckdb.DuckDBPyConnection, path: Path) -> bool:
    try:
        database.execute("SELECT sum(hash(f)::HUGEINT) FROM read_parquet(?) AS f", [file_name(path)]).fetchall()
    except duckdb.Error:
        return False
    return True


def _as_text(rows: pa.Table) -> pa.Table:
    """Its texts, with what is no UTF-8 written out; lists and structs are left as they are."""
    for number, column in enumerate(rows.schema):
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            held = rows.column(number).cast(pa.binary() if pa.types.is_string(column.type) else pa.large_binary())
            texts = [None if value is None else _text(value) for value in held.to_pylist()]
            rows = rows.set_column(number, column, pa.array(texts, column.type))
    return rows


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"not UTF-8: {value!r}"


def _unreadable(topic: str, address: str, why: str) -> Finding:
    return differing(f"file {address} of {topic}", "a Parquet file that can be read", why)
