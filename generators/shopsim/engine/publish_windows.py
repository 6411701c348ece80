"""Rows by the window in which they are published, which a late event's own window is not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import polars as pl

from shopsim.core.frame_sort import sort_frame
from shopsim.engine.encode import ORDER, SCHEMA, encode_batch
from shopsim.engine.simulate import batches
from shopsim.engine.window_plan import WindowPlan
from shopsim.engine.windows import PublishedBatch
from shopsim.faults.selection import longest_delay_ms
from shopsim.scenario.sections import Scenario
from shopsim.shop.text_pools import Pools


def published_batches(
    scenario: Scenario,
    seed: int,
    lanes: Sequence[int],
    first: int,
    topics: Collection[str],
    texts: Pools,
    at_once: int = 1,
) -> Iterator[PublishedBatch]:
    """What some lanes publish in the windows from `first` on, up to `at_once` windows in one.

    An event is published in its own window or in one of the next few, so only those before `first` that can reach it
    are looked at again, and no more than what is still to come of those is kept.
    """
    longest_ms = longest_delay_ms(scenario.faults)
    plan = WindowPlan(scenario)
    first_ms = plan.starts_ms(first)
    reaching = plan.window_at(first_ms - longest_ms) if longest_ms else first
    coming = SCHEMA.to_frame()
    for batch, frames in batches(scenario, seed, lanes, reaching, topics, texts, at_once):
        made = encode_batch(scenario, seed, batch, frames, topics, first_ms if batch.first < first else None)
        rows, text = made.rows, made.text
        del frames, made  # each of these would be kept while the next one is made
        if longest_ms:
            due = pl.col("published_at_ms") < batch.ends_ms[-1]
            rows = pl.concat([coming, rows])
            coming, rows = rows.filter(~due), rows.filter(due)
            if batch.last < first:
                continue
            rows, text = sort_frame(rows, ORDER), None
        yield PublishedBatch(rows, _counts(rows, batch.ends_ms[max(0, first - batch.first) :]), text)
        del rows, text


def _counts(rows: pl.DataFrame, ends_ms: Sequence[int]) -> list[int]:
    """How many rows are published in each window."""
    ends = np.searchsorted(rows["published_at_ms"].to_numpy(), ends_ms)
    counts: list[int] = np.diff(ends, prepend=0).tolist()
    return counts
