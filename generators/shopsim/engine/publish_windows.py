"""Rows by the window in which they are published, which a late event's own window is not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import polars as pl

from shopsim.core.frame_sort import ordered
from shopsim.engine.encode import ORDER, SCHEMA, encoded
from shopsim.engine.simulate import stretches
from shopsim.engine.window_plan import Schedule
from shopsim.engine.windows import Published
from shopsim.faults.selection import longest_delay_ms
from shopsim.scenario.sections import Scenario
from shopsim.shop.text_pools import Pools


def published(
    scenario: Scenario,
    seed: int,
    lanes: Sequence[int],
    first: int,
    topics: Collection[str],
    texts: Pools,
    at_once: int = 1,
) -> Iterator[Published]:
    """What some lanes publish in the windows from `first` on, up to `at_once` windows in one.

    An event is published in its own window or in one of the next few, so only those before `first` that can reach it
    are looked at again, and no more than what is still to come of those is kept.
    """
    longest_ms = longest_delay_ms(scenario.faults)
    schedule = Schedule(scenario)
    first_ms = schedule.starts_ms(first)
    reaching = schedule.window_at(first_ms - longest_ms) if longest_ms else first
    coming = SCHEMA.to_frame()
    for stretch, frames in stretches(scenario, seed, lanes, reaching, topics, texts, at_once):
        made = encoded(scenario, seed, stretch, frames, topics, first_ms if stretch.first < first else None)
        rows, text = made.rows, made.text
        del frames, made  # each of these would be kept while the next one is made
        if longest_ms:
            due = pl.col("published_at_ms") < stretch.ends_ms[-1]
            rows = pl.concat([coming, rows])
            coming, rows = rows.filter(~due), rows.filter(due)
            if stretch.last < first:
                continue
            rows, text = ordered(rows, ORDER), None
        yield Published(rows, _counts(rows, stretch.ends_ms[max(0, first - stretch.first) :]), text)
        del rows, text


def _counts(rows: pl.DataFrame, ends_ms: Sequence[int]) -> list[int]:
    """How many rows are published in each window."""
    ends = np.searchsorted(rows["published_at_ms"].to_numpy(), ends_ms)
    counts: list[int] = np.diff(ends, prepend=0).tolist()
    return counts
