"""Download the data files of one lake table. Repair or report files that DuckDB cannot read."""

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
"""A file next to the data files: local name -> address in the lake."""


@dataclass(slots=True)
class Files:
    """The data files of one table, in their own folder.

    Attributes:
        topic: name of the table.
        folder: the local folder.
        findings: files that are missing or not valid Parquet.
    """

    topic: str
    folder: Path
    findings: list[Finding] = field(default_factory=list)

    def fetch(self, table: Table) -> pa.Table:
        """Download all files. Return an empty table with the schema of the lake, which is also written as a file."""
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
        """After a failed query: repair invalid text; delete and report files that are not Parquet."""
        addresses = json.loads(self.folder.joinpath(ADDRESSES).read_text())
        for path in sorted(self.folder.glob("*.parquet")):
            if not _readable(database, path) and (why := _repair_text(database, path)):
                path.unlink()
                self.findings.append(_unreadable(self.topic, addresses[path.name], why))
        return self.findings

    def _fetch(self, scan: DataScan, task: FileScanTask, path: Path, schema: pa.Schema) -> None:
        """Download a data file, or its remaining rows if it has delete files."""
        if is_whole(task):
            with scan.io.new_input(task.file.file_path).open(seekable=False) as source, path.open("wb") as file:
                shutil.copyfileobj(source, file, COPY_BYTES)
            return
        reader = ArrowScan(scan.table_metadata, scan.io, scan.projection(), scan.row_filter)
        parquet.write_table(reader.to_table([task]).cast(schema), path)


def is_whole(task: FileScanTask) -> bool:
    """Whether all rows of the file are in the table. Other engines may have marked some as deleted."""
    return not task.delete_files


def _repair_text(database: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Replace invalid UTF-8 by a description, so that the row is reported. Return the reason if this fails."""
    try:
        parquet.write_table(_as_text(parquet.read_table(path)), path)
    except (pa.ArrowException, OSError, ValueError) as error:
        return str(error).splitlines()[0]
    return "" if _readable(database, path) else "values that are not valid text"


def _readable(database: duckdb.DuckDBPyConnection, path: Path) -> bool:
    try:
        database.execute("SELECT sum(hash(f)::HUGEINT) FROM read_parquet(?) AS f", [file_name(path)]).fetchall()
    except duckdb.Error:
        return False
    return True


def _as_text(rows: pa.Table) -> pa.Table:
    """Replace invalid UTF-8 in text columns by a description. Lists and structs are not changed."""
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
