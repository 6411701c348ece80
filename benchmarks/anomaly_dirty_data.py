"""The faults of the scenario `dirty-data`, found again by record and by hour, against the simulator's ledger.

A record is classified as a reader of the log can do it: by the contract, by the ids before it, and by the latest event
time before it in its topic. The ledger says which records have which fault.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from benchmarks.anomaly_shops import DAY_H, scaled

import shopsim
from shoplake.contract import EVENTS, TOPICS, rejections
from shoplake.quality.anomalies.detector import hits
from shoplake.quality.anomalies.measure_sql import HOUR_MS
from shoplake.quality.anomalies.measures import SCHEMA

SCENARIO = "dirty-data"
CLOCKS_APART_MS = 60_000
"""Event times out of order by less are out of order, by more late."""
NONE = "none"


@dataclass(frozen=True, slots=True)
class Score:
    """How well records with a fault are told from the others.

    Attributes:
        fault: kind of the fault.
        planted: records that have it, by the ledger.
        named: records that are said to have it.
        right: records that are in both.
        noticed: planted records that are said to have any fault.
    """

    fault: str
    planted: int
    named: int
    right: int
    noticed: int


def records(seed: int, days: int) -> pl.DataFrame:
    """The records of the first days: topic, hour of the event, fault (by the ledger), found (by the rules)."""
    scenario = scaled(SCENARIO, 1.0)
    parts = []
    opened: int | None = None
    for window in shopsim.stream(scenario, seed):
        rows = window.rows
        opened = opened or int(rows["published_at_ms"][0])
        parts.append(rows.select("topic", "occurred_at_ms", "value", "fault"))
        if int(rows["published_at_ms"][-1]) >= opened + days * DAY_H * HOUR_MS:
            break
    return pl.concat(list(classified(pl.concat(parts))))


def classified(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Classify the records of each topic, in the order of the log."""
    for topic in TOPICS:
        own = rows.filter(pl.col("topic") == topic)
        rejected = {one.position: reason(one.reason, one.detail) for one in rejections(topic, own["value"].to_list())}
        broken = pl.Series([rejected.get(n) for n in range(own.height)], dtype=pl.String)
        event_id = own["value"].cast(pl.String, strict=False).str.extract('"event_id":"([^"]*)"', 1)
        behind = own["occurred_at_ms"].cum_max() - own["occurred_at_ms"]
        yield own.select(
            pl.col("topic").cast(pl.String),
            (pl.col("occurred_at_ms") // HOUR_MS).alias("hour"),
            pl.col("fault").fill_null(NONE),
        ).with_columns(
            pl.when(broken.is_not_null())
            .then(broken)
            .when(~event_id.is_first_distinct())
            .then(pl.lit("duplicated"))
            .when(behind > CLOCKS_APART_MS)
            .then(pl.lit("late"))
            .when(behind > 0)
            .then(pl.lit("out_of_order"))
            .otherwise(pl.lit(NONE))
            .alias("found")
        )


def reason(given: str, detail: str) -> str:
    """The kind of fault that fits the contract's reason best."""
    if given == "malformed_json":
        return "malformed"
    if "missing" in detail:
        return "missing_field"
    if "length" in detail:
        return "oversize"
    if "Invalid value" in detail or "invalid value" in detail or "Invalid enum" in detail:
        return (
            "unknown_type" if any(f"'{name}." in detail for name in EVENTS) or "`$.type`" in detail else "unknown_enum"
        )
    return "wrong_type" if re.search(r"[Ee]xpected", detail) else "schema"


def scores(labelled_records: pl.DataFrame) -> list[Score]:
    """Compare with the ledger, per kind of fault."""
    found = []
    for fault in shopsim.FAULTS:
        planted, named = pl.col("fault") == fault, pl.col("found") == fault
        row = labelled_records.select(
            planted.sum().alias("planted"),
            named.sum().alias("named"),
            (planted & named).sum().alias("right"),
            (planted & (pl.col("found") != NONE)).sum().alias("noticed"),
        ).row(0)
        found.append(Score(fault, *row))
    return found


@dataclass(frozen=True, slots=True)
class Episode:
    """Hours in which one kind of fault appears in a shop that has none otherwise.

    Attributes:
        fault: kind of the fault.
        planted: number of episodes.
        found: episodes with an alarm for this kind.
        alarms: short windows beyond the threshold, for this kind.
        true: those of them that end in an episode.
        delay_h: median of the hours to the first alarm.
    """

    fault: str
    planted: int
    found: int
    alarms: int
    true: int
    delay_h: float | None


def episodes(labelled_records: pl.DataFrame, seed: int, hours: int = 6, count: int = 6) -> list[Episode]:
    """Let each kind of fault appear for some hours at the rate of the scenario, and look for it in hourly shares."""
    clean = pl.col("fault") == NONE
    first = int(labelled_records["hour"].min() or 0) // DAY_H * DAY_H
    end = int(labelled_records["hour"].max() or 0) // DAY_H * DAY_H
    rng = np.random.default_rng(seed)
    days = np.arange((first + 29 * DAY_H) // DAY_H, end // DAY_H - 1)
    result = []
    for fault in shopsim.FAULTS:
        starts = [int(day) * DAY_H + int(rng.integers(0, 24)) for day in rng.choice(days, count, replace=False)]
        inside = pl.any_horizontal(pl.col("hour").is_between(start, start + hours, closed="left") for start in starts)
        kept = labelled_records.filter(clean | ((pl.col("fault") == fault) & inside))
        measured, own = shares(kept), pl.col("series").str.starts_with(f"unknown:{fault}.")
        # The window of a week stays beyond the threshold for a week, so episodes in it are one alarm of many hits.
        right = hits(measured, first, end).filter(own, pl.col("end") - pl.col("start") < hours)
        touching = [right.filter((pl.col("end") > start) & (pl.col("end") <= start + hours + 1)) for start in starts]
        delays = [int(one["end"].min() or 0) - start for one, start in zip(touching, starts, strict=True) if one.height]
        result.append(
            Episode(
                fault,
                len(starts),
                len(delays),
                right.height,
                sum(one.height for one in touching),
                float(np.median(delays)) if delays else None,
            )
        )
    return result


def shares(labelled_records: pl.DataFrame) -> pl.DataFrame:
    """Hourly shares of the records with each finding, per topic, as measures."""
    total = labelled_records.group_by("topic", "hour").agg(pl.len().alias("weight"))
    findings = (
        labelled_records.filter(pl.col("found") != NONE).group_by("topic", "hour", "found").agg(pl.len().alias("value"))
    )
    names = pl.DataFrame({"found": list(shopsim.FAULTS)})
    return (
        total.join(names, how="cross")
        .join(findings, on=["topic", "hour", "found"], how="left")
        .select(
            pl.format("unknown:{}.{}", "found", "topic").alias("series"),
            pl.lit("unknown").alias("kind"),
            pl.col("hour").cast(pl.Int64),
            pl.col("value").fill_null(0).cast(pl.Float64),
            pl.col("weight").cast(pl.Float64),
        )
        .select(*SCHEMA.names())
    )
