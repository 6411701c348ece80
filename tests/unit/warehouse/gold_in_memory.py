"""A catalogue of Iceberg tables in memory, as far as `publish` uses one: what readers of gold see."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
from pyiceberg.exceptions import NoSuchTableError


class GoldTable:
    """A table whose rows and summary change in one commit."""

    def __init__(self, schema: pa.Schema) -> None:
        self.rows = schema.empty_table()
        self.summary: dict[str, str] | None = None

    def schema(self) -> Any:
        return SimpleNamespace(column_names=self.rows.schema.names)

    def current_snapshot(self) -> Any:
        return self.summary and SimpleNamespace(summary=SimpleNamespace(additional_properties=self.summary))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[GoldCommit]:
        commit = GoldCommit(self.rows)
        yield commit
        self.rows, self.summary = commit.rows, commit.summary


class GoldCommit:
    """The rows and the summary that a table will have."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows
        self.summary: dict[str, str] | None = None

    def append(self, rows: pa.Table, *, snapshot_properties: dict[str, str]) -> None:
        self.rows, self.summary = pa.concat_tables([self.rows, rows]), snapshot_properties

    def overwrite(self, rows: pa.Table, *, snapshot_properties: dict[str, str]) -> None:
        self.rows, self.summary = rows, snapshot_properties

    def update_snapshot(self, *, snapshot_properties: dict[str, str]) -> Any:
        self.summary = snapshot_properties
        return SimpleNamespace(fast_append=contextlib.nullcontext)


class GoldCatalog:
    """Tables by database and name."""

    def __init__(self) -> None:
        self.tables: dict[tuple[str, str], GoldTable] = {}

    def create_namespace(self, name: str) -> None:
        pass

    def load_table(self, identifier: tuple[str, str]) -> GoldTable:
        if identifier not in self.tables:
            raise NoSuchTableError(identifier)
        return self.tables[identifier]

    def create_table(
        self, identifier: tuple[str, str], *, schema: pa.Schema, properties: Mapping[str, str]
    ) -> GoldTable:
        self.tables[identifier] = GoldTable(schema)
        return self.tables[identifier]
