"""A lake of Iceberg tables in a folder, with a catalogue in SQLite: what a sink would write, without servers."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import polars as pl
from pyiceberg.catalog.sql import SqlCatalog

import shopsim
from shoplake.contract import TOPICS
from shoplake.sinks.lake.sink import CHECKPOINT, to_arrow
from shoplake.sinks.lake.tables import create_table
from shoplake.warehouse import state

DATABASE = "local_lake"
PARTITIONS = 3
DAY_MS = 86_400_000


@dataclass
class Lake:
    """Appends events as the sink does, each commit with its checkpoint."""

    catalog: SqlCatalog
    next_offsets: dict[str, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def made(cls, folder: Path) -> Lake:
        (folder / "lake").mkdir()
        catalog = SqlCatalog("shoplake", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/lake")
        for topic in TOPICS.values():
            create_table(catalog, DATABASE, topic)
        lake = cls(catalog, {name: dict.fromkeys(range(PARTITIONS), 0) for name in TOPICS})
        lake.append({})
        return lake

    @property
    def settings(self) -> Any:
        return SimpleNamespace(lake=SimpleNamespace(database=DATABASE, warehouse="file://lake"))

    def append(self, events: dict[str, pl.DataFrame]) -> None:
        """Append the events of each topic in their order; the key decides the partition."""
        for name, topic in TOPICS.items():
            table = self.catalog.load_table((DATABASE, name))
            rows = events.get(name, pl.DataFrame(schema=topic.columns))
            numbered = rows.with_columns(
                partition=(pl.col(topic.key).hash(7) % PARTITIONS).cast(pl.Int32)
            ).with_columns(
                offset=pl.int_range(pl.len()).over("partition")
                + pl.col("partition").replace_strict(self.next_offsets[name], return_dtype=pl.Int64)
            )
            for partition, count in numbered.group_by("partition").len().iter_rows():
                self.next_offsets[name][partition] += count
            checkpoints = {CHECKPOINT: json.dumps({p: [n, 1] for p, n in self.next_offsets[name].items()})}
            table.append(to_arrow(name, numbered), snapshot_properties=checkpoints)


def shop_events(scenario: shopsim.Scenario, seed: int, windows: int) -> dict[str, pl.DataFrame]:
    """Topic -> the simulated events, in order of time."""
    frames: dict[str, list[pl.DataFrame]] = {name: [] for name in TOPICS}
    for window in itertools.islice(shopsim.simulate(scenario, seed), windows):
        for name, topic in TOPICS.items():
            for event_type in (event.__struct_config__.tag for event in topic.events):
                frame = window[event_type]
                typed = frame.with_columns(type=pl.lit(event_type))
                missing = [pl.lit(None, kind).alias(c) for c, kind in topic.columns.items() if c not in typed.columns]
                frames[name].append(
                    typed.with_columns(missing).select(pl.col(c).cast(k) for c, k in topic.columns.items())
                )
    return {name: pl.concat(parts).sort("occurred_at_ms") for name, parts in frames.items()}


def in_any_order(events: dict[str, pl.DataFrame], draw: random.Random) -> dict[str, pl.DataFrame]:
    """Events up to 30 days late, and each twentieth a second time."""
    found = {}
    for name, rows in events.items():
        twice = pl.concat([rows, rows.sample(fraction=0.05, seed=draw.randrange(2**31))])
        late = [draw.randrange(30 * DAY_MS) if draw.random() < 0.1 else 0 for _ in range(twice.height)]
        arrival = twice["occurred_at_ms"] + pl.Series(late, dtype=pl.Int64)
        found[name] = twice.with_columns(arrival=arrival).sort("arrival", "event_id").drop("arrival")
    return found


def tables(environment: str) -> dict[str, list[tuple[Any, ...]]]:
    """Each silver and gold table of the DuckDB file: its rows, sorted."""
    with duckdb.connect(str(state.database(environment)), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_schema || '.' || table_name FROM information_schema.tables"
            " WHERE table_schema IN ('silver', 'gold') ORDER BY ALL"
        ).fetchall()
        return {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for (name,) in names}
