"""Assign rows to the window in which they are published. A late event is published after its own window."""

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
    """Yield the published records of some lanes in the windows from `first` on, up to `at_once` windows per batch.

    An event is published in its own window or in one of the next few. So only the windows just before `first` are
    encoded again, and only their records that are published later are kept.
    """
    longest_ms = longest_delay_ms(scenario.faults)
    plan = WindowPlan(scenario)
    first_ms = plan.starts_ms(first)
    reaching = plan.window_at(first_ms - longest_ms) if longest_ms else first
    coming = SCHEMA.to_frame()
    for batch, frames in batches(scenario, seed, lanes, reaching, topics, texts, at_once):
        made = encode_batch(scenario, seed, batch, frames, topics, first_ms if batch.first < first else None)
        rows, text = made.rows, made.text
        del frames, made  # frees their memory before the next batch is simulated
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
    """Number of rows published in each window."""
    ends = np.searchsorted(rows["published_at_ms"].to_numpy(), ends_ms)
    counts: list[int] = np.diff(ends, prepend=0).tolist()
    return counts
