"""Rows by the window in which they are published, which a late event's own window is not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import polars as pl

from shopsim.encode import ORDER, SCHEMA, encode
from shopsim.faults import longest_delay_ms
from shopsim.ordering import ordered
from shopsim.scenario import Scenario
from shopsim.schedule import Schedule
from shopsim.simulate import windows
from shopsim.text import Pools


def published(
    scenario: Scenario, seed: int, lanes: Sequence[int], first: int, topics: Collection[str], texts: Pools
) -> Iterator[pl.DataFrame]:
    """What some lanes publish in each window from `first` on: columns of `SCHEMA`, sorted by `ORDER`.

    An event is published in its own window or in one of the next few, so only those before `first` that can reach it
    are looked at again, and no more than what is still to come of those is kept.
    """
    longest_ms = longest_delay_ms(scenario.faults)
    schedule = Schedule(scenario)
    first_ms = schedule.starts_ms(first)
    reaching = schedule.window_at(first_ms - longest_ms) if longest_ms else first
    coming = SCHEMA.to_frame()
    for window in windows(scenario, seed, lanes, reaching, texts):
        before, end_ms = window.index < first, window.end_ms
        rows = encode(scenario, seed, window, topics=topics, since_ms=first_ms if before else None)
        del window  # each of these would be kept while the next one is made
        if longest_ms:
            due = pl.col("published_at_ms") < end_ms
            rows = pl.concat([coming, rows])
            coming, rows = rows.filter(~due), rows.filter(due)
            if before:
                continue
            rows = ordered(rows, ORDER)
        yield rows
        del rows
