"""The simulated shops that anomalies are looked for in: their events as DuckDB tables, and their hourly measures.

A shop opens four weeks before its data is learned from, so that the first registrations and returns are over. Four
weeks of learning follow, then 90 days are tested. Sales and campaigns of the scenario lie in these days.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import yaml

import shopsim
from shoplake.contract import TOPICS
from shoplake.quality.anomalies.detector import LEARNING_DAYS, Announced
from shoplake.quality.anomalies.measure_sql import HOUR_MS, Hours
from shoplake.quality.anomalies.measures import Connection, by_topic, measures_of_tables
from shopsim.calendar.holidays import holidays
from shopsim.core.locales import LOCALES
from shopsim.loading.files import scenario_file

OPENING_DAYS, TESTED_DAYS = 28, 90
EARLIER_DAYS = 70
"""The shops open earlier than their scenarios say, and their campaigns take place when the scenarios say."""
SCENARIOS = ("demo", "slow-startup", "black-friday", "dirty-data", "load-test")
SCALE = {"load-test": 1 / 64}
"""Size of the shop, in units of the scenario's: 90 days of 2.5 million events are too many for a laptop."""
DAY_H = 24
LONG_TEXTS = ("name", "street", "postcode", "city", "email", "title", "body", "query", "variant", "model_id")
"""Columns whose text is not kept; only whether it is null is measured."""


@dataclass(frozen=True, slots=True)
class Shop:
    """A simulated shop.

    Attributes:
        scenario, seed: what was simulated.
        first: the first hour that is learned from, counted since 1970.
        end: the end of the tested hours.
        announced: sales, campaigns and public holidays.
        time_zone: of most customers.
        file: DuckDB file with a table per topic; it may be missing when only measures are needed.
        measures: hourly measures from `first` on.
    """

    scenario: str
    seed: int
    first: int
    end: int
    announced: tuple[Announced, ...]
    time_zone: str
    file: Path
    measures: pl.DataFrame

    @property
    def tested(self) -> int:
        """The first hour that is tested."""
        return self.first + LEARNING_DAYS * DAY_H


def shop(name: str, seed: int, cache: Path, *, scale: float | None = None, events: bool = False) -> Shop:
    """Simulate a shop and measure it, or take it from the cache.

    Args:
        name: of a scenario of shopsim.
        seed: of the simulation.
        cache: folder of files.
        scale: size in units of the scenario's.
        events: keep the events, too; otherwise only their measures.
    """
    scale = SCALE.get(name, 1.0) if scale is None else scale
    scenario = scaled(name, scale)
    opened = int(dt.datetime.combine(scenario.start, dt.time(), dt.UTC).timestamp()) // 3600
    first = opened + OPENING_DAYS * DAY_H
    end = first + (LEARNING_DAYS + TESTED_DAYS) * DAY_H
    stem = f"{name}-{scale:g}-{seed}"
    file, measured = cache / f"{stem}.duckdb", cache / f"{stem}.parquet"
    if not measured.exists() or (events and not file.exists()):
        cache.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        with duckdb.connect(str(file)) as connection:
            fill(connection, simulated(scenario, seed, end))
            measures_of_tables(Connection(connection), "main", Hours(first, end)).write_parquet(measured)
        if not events:
            file.unlink()
    return Shop(name, seed, first, end, announced(scenario), time_zone(scenario), file, pl.read_parquet(measured))


def scaled(name: str, scale: float) -> shopsim.Scenario:
    """The scenario with another number of customers, opening earlier."""
    values: dict[str, Any] = yaml.safe_load(scenario_file(name).read_text(encoding="utf-8"))
    values["start"] -= dt.timedelta(days=EARLIER_DAYS)
    values["customers"]["initial"] = max(round(values["customers"]["initial"] * scale), 1)
    values["customers"]["signups_per_day"] *= scale
    if scale != 1:  # windows are then shorter or longer, but no more than about 100,000 events
        values["lanes"] = min(max(round(values["lanes"] * scale), 4), 64)
        values["window_hours"] = 96
    return shopsim.scenario_from_dict(values)


def simulated(scenario: shopsim.Scenario, seed: int, end: int) -> Iterator[dict[str, pl.DataFrame]]:
    """Event type -> events, window by window, up to an hour; without faults, as the columns of `simulate` are."""
    for window in shopsim.simulate(scenario, seed):
        yield {kind: shortened(frame) for kind, frame in window.frames.items()}
        if window.end_ms >= end * HOUR_MS:
            return


def shortened(frame: pl.DataFrame) -> pl.DataFrame:
    """The events without the text of long columns."""
    return frame.with_columns(
        pl.when(pl.col(name).is_null()).then(None).otherwise(pl.lit("x")).alias(name)
        for name in LONG_TEXTS
        if name in frame.columns
    )


def fill(connection: duckdb.DuckDBPyConnection, windows: Iterator[dict[str, pl.DataFrame]]) -> None:
    """Write events into a table per topic."""
    for number, window in enumerate(windows):
        for topic, frame in by_topic(window).items():
            connection.register("window", frame.to_arrow())
            verb = "INSERT INTO" if number else "CREATE TABLE"
            connection.execute(f'{verb} "{topic}" {"" if number else "AS"} FROM "window"')
            connection.unregister("window")
    assert set(TOPICS) <= {row[0] for row in connection.execute("SHOW TABLES").fetchall()}  # noqa: S101


def announced(scenario: shopsim.Scenario) -> tuple[Announced, ...]:
    """What a shop knows before: its sales and campaigns, and the public holidays of its countries.

    Days are those of the customers, whose clocks are up to 14 hours apart. Parcels of a holiday arrive the day after.
    """
    found = []
    for campaign in scenario.campaigns:
        found.append(_days(campaign.first, campaign.last, after=0))
    for sale in scenario.flash_sales:
        start = int(sale.start.timestamp()) // 3600
        found.append(Announced(start, start + sale.hours + 2))
    countries = {locale.rpartition("_")[2] for locale in scenario.customers.locales}
    for country in countries:
        for year in (scenario.start.year, scenario.start.year + 1):
            found += [_days(day, day, after=1) for day in holidays(country, year)]
    return tuple(sorted(set(found), key=lambda one: (one.first, one.end)))


def time_zone(scenario: shopsim.Scenario) -> str:
    """The time zone of the locale with most customers."""
    return LOCALES[max(scenario.customers.locales.items(), key=lambda one: one[1])[0]].zone


def _days(first: dt.date, last: dt.date, after: int) -> Announced:
    start = int(dt.datetime.combine(first, dt.time(), dt.UTC).timestamp()) // 3600
    end = int(dt.datetime.combine(last, dt.time(), dt.UTC).timestamp()) // 3600 + DAY_H * (1 + after)
    return Announced(start - 10, end + 8)
