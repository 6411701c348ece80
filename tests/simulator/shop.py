"""A simulated shop as a DuckDB database, filled window by window, and the invariants asked of it."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

import shopsim
from shoplake.contract import EVENTS

from .scenario_tables import stated

HERE = Path(__file__).parent
ORDER = ["occurred_at_ms", "lane", "seq"]
ENTITIES = ("customer", "product", "session", "order")


class Shop:
    """A table per event type with the contract's columns and `pos`, an event's place in the whole stream.

    `happened` has every event: pos, type, occurred_at_ms, lane, seq, event_id, window_no. The events are those that the
    simulator made, before faults break, delay or repeat some: in the order of their causes. `views.sql` adds views, and
    `stated` tables of what the scenario says.
    """

    def __init__(self, scenario: shopsim.Scenario, path: Path | None = None, *, memory: str = "2GB") -> None:
        """An empty shop, in memory or in a file at `path`; past `memory` DuckDB spills beside the file."""
        self._scenario = scenario
        self.sql = duckdb.connect(":memory:" if path is None else str(path), config={"memory_limit": memory})
        self.events = 0
        self._tables = False

    def add(self, window: shopsim.Window) -> None:
        """Append the events of the next window."""
        heads = [frame.select(*ORDER, "event_id", pl.lit(name).alias("type")) for name, frame in window.frames.items()]
        happened = (
            pl.concat(heads)
            .sort(ORDER)
            .with_row_index("pos", offset=self.events)
            .with_columns(pl.col("pos").cast(pl.Int64), pl.lit(window.index).alias("window_no"))
        )
        tables = {
            # Both are in the stream's order, so places and rows of one type stand side by side.
            name: frame.drop("lane", "seq").with_columns(happened.filter(pl.col("type") == name)["pos"])
            for name, frame in window.frames.items()
        }
        self.sql.execute("BEGIN")
        for name, rows in {"happened": happened, **tables}.items():
            if self._tables and rows.is_empty():
                continue
            self.sql.register("arrived", rows.to_arrow())
            what = f"INSERT INTO {name} BY NAME" if self._tables else f"CREATE TABLE {name} AS"
            self.sql.execute(f"{what} FROM arrived")
            self.sql.unregister("arrived")
        self.sql.execute("COMMIT")
        if not self._tables:
            self._tables = True
            self._make_views()
        self.events += happened.height

    def _make_views(self) -> None:
        for entity in ENTITIES:
            key = f"{entity}_id"
            parts = []
            for name in EVENTS:
                columns = {row[0] for row in self.sql.execute(f"DESCRIBE {name}").fetchall()}
                if key in columns:
                    customer = "customer_id" if "customer_id" in columns else "NULL AS customer_id"
                    extra = "" if entity == "customer" else f", {customer}"
                    parts.append(f"SELECT pos, occurred_at_ms, '{name}' AS type, {key}{extra} FROM {name}")
            self.sql.execute(f"CREATE VIEW happened_{entity} AS " + " UNION ALL ".join(parts))
        for name, table in stated(self._scenario).items():
            self.sql.register("arrived", table.to_arrow())
            self.sql.execute(f"CREATE TABLE {name} AS FROM arrived")
            self.sql.unregister("arrived")
        self.sql.execute((HERE / "views.sql").read_text())

    def one(self, query: str) -> tuple[object, ...]:
        """The first row of a query that has one."""
        row = self.sql.execute(query).fetchone()
        assert row is not None
        return row

    @contextlib.contextmanager
    def planted(self, change: str) -> Iterator[None]:
        """The shop with a change, until the end of the block."""
        self.sql.execute("BEGIN")
        try:
            self.sql.execute(change)
            yield
        finally:
            self.sql.execute("ROLLBACK")

    def violations(self) -> dict[str, list[tuple[object, ...]]]:
        """Broken invariants with some of their violations."""
        found = {sentence: self.sql.execute(query).fetchmany(3) for sentence, query in invariants().items()}
        return {sentence: rows for sentence, rows in found.items() if rows}


def shop_of(
    scenario: shopsim.Scenario, seed: int, events: int, *, path: Path | None = None, windows: int = 10_000
) -> Shop:
    """A shop of whole windows: as many as it takes to so many events, or `windows` where a shop is a quiet one."""
    shop = Shop(scenario, path)
    for window in itertools.islice(shopsim.simulate(scenario, seed), windows):
        shop.add(window)
        if shop.events >= events:
            break
    return shop


def invariants() -> dict[str, str]:
    """What must not be found -> the query that looks for it."""
    return {name: text for _, name, text in _blocks("invariants.sql", "-- invariant: ")}


def chapters() -> dict[str, list[str]]:
    """What the invariants are about -> their sentences, in the order of the file."""
    found: dict[str, list[str]] = {}
    for chapter, sentence, _ in _blocks("invariants.sql", "-- invariant: "):
        found.setdefault(chapter, []).append(sentence)
    return found


@dataclass(frozen=True, slots=True)
class Plant:
    """A change that makes a shop wrong.

    Attributes:
        what: in words.
        seen_by: the invariants that notice it.
        change: SQL.
    """

    what: str
    seen_by: frozenset[str]
    change: str


def plants() -> list[Plant]:
    """The planted violations, in the order of the file."""
    found = []
    for _, what, text in _blocks("violations.sql", "-- plant: "):
        lines = text.splitlines()
        seen_by = [line.removeprefix("-- seen by: ") for line in lines if line.startswith("-- seen by: ")]
        found.append(Plant(what, frozenset(seen_by), "\n".join(lines[len(seen_by) :])))
    return found


def _blocks(file: str, start: str) -> list[tuple[str, str, str]]:
    """(chapter, first line, rest) of each block of a file of SQL; a chapter is a line `-- == Its name ==`."""
    blocks: list[tuple[str, str, list[str]]] = []
    chapter = ""
    for line in (HERE / file).read_text().splitlines():
        if line.startswith("-- == "):
            chapter = line.strip("-= ")
        elif line.startswith(start):
            blocks.append((chapter, line.removeprefix(start), []))
        elif blocks:
            blocks[-1][2].append(line)
    return [(chapter, first, "\n".join(rest)) for chapter, first, rest in blocks]
