"""A warehouse on a lake of files, and what `verify` says of it: the log is in Parquet files instead of Kafka."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from shoplake.contract import TOPICS
from shoplake.query import lake as lake_queries
from shoplake.verify import verification
from shoplake.verify.database import open_database, run_sql
from shoplake.verify.event_tables import COORDINATES, Spill
from shoplake.verify.report import StoreResult
from shoplake.verify.stores import Store, warehouse

from .lake_on_files import Lake

Damage = Callable[[str, pa.Table], pa.Table]
"""(table, its rows) -> the rows that are put in their place."""


@dataclass(frozen=True, slots=True)
class ProvedWarehouse:
    """The gold tables in the lake's catalogue, and the log that they are compared with."""

    lake: Lake
    log: Spill

    @classmethod
    def of(cls, lake: Lake, folder: Path) -> ProvedWarehouse:
        """Take the records of the lake for the log: `Lake.append` has numbered them."""
        log = Spill(folder)
        for name, topic in TOPICS.items():
            rows = pl.DataFrame(lake.catalog.load_table((lake.settings.lake.database, name)).scan().to_arrow())
            log.write(f"valid_{name}", rows.select(*topic.columns, *COORDINATES))
        return cls(lake, log)

    def verified(self, module: Store = warehouse) -> StoreResult:
        """Check the warehouse as a verification does."""
        with tempfile.TemporaryDirectory() as path, open_database(Path(path)) as database:
            self.log.create_views(database)
            run_sql(database, "common")
            module.fold(database)
            findings = module.load(database, self.lake.settings, Path(path))
            return verification._compared(database, module, Path(path), findings)

    @contextmanager
    def damaged(self, damage: Damage) -> Iterator[None]:
        """Change the rows of each gold table; afterwards they are as they were."""
        before = {name: (table, table.scan().to_arrow()) for name, table in self.tables().items()}
        try:
            for name, (table, rows) in before.items():
                _replace(table, damage(name, rows))
            yield
        finally:
            for table, rows in before.values():
                _replace(table, rows)

    def tables(self) -> dict[str, Any]:
        """Each gold table, by name."""
        database, catalog = lake_queries.gold_database(self.lake.settings), self.lake.catalog
        return {name: catalog.load_table((database, name)) for _, name in catalog.list_tables(database)}


def _replace(table: Any, rows: pa.Table) -> None:
    kept = {
        k: v for k, v in table.current_snapshot().summary.additional_properties.items() if k.startswith("shoplake.")
    }
    table.overwrite(rows, snapshot_properties=kept)
