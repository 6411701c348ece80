"""Broken events: which ones, by a hash of where they are, and what their bytes become."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from shopsim.draws import WORD, threshold
from shopsim.scenario import Faults

MALFORMED = "malformed"
"""The JSON is cut short."""

SCHEMA = "schema"
"""Valid JSON; the time, which every event needs, is missing or no number."""

_Words = npt.NDArray[np.uint64]


def chosen(faults: Faults, seed: int, window: int, events: pl.DataFrame) -> pl.Series:
    """The fault of each event of one window, or null: a String series `fault`.

    Args:
        faults: rates and the types that may be hit.
        seed: of the simulation.
        window: number of the window.
        events: columns type, lane, seq.
    """
    if faults.malformed + faults.schema <= 0:
        return pl.repeat(None, events.height, dtype=pl.String, eager=True).alias("fault")
    word = _hashed(seed, window, events["lane"].to_numpy(), events["seq"].to_numpy())
    may = events["type"].cast(pl.String).is_in(list(faults.events))
    below = pl.Series(word.astype(np.int64))
    return events.select(
        pl.when(may & (below < threshold(faults.malformed)))
        .then(pl.lit(MALFORMED))
        .when(may & (below < threshold(faults.malformed) + threshold(faults.schema)))
        .then(pl.lit(SCHEMA))
        .alias("fault")
    ).to_series()


def broken(value: bytes, fault: str, number: int) -> bytes:
    """An event's bytes as the fault leaves them; `number` varies how."""
    if fault == MALFORMED:
        # The closing brace at least is lost, and the event's id stays readable at the front.
        return value[: len(value) - 1 - number % 20]
    head, rest = value.split(b'"occurred_at_ms":', 1)
    digits = rest.find(b",")
    if number % 2:
        return head + b'"occurred_at_ms":"yesterday"' + rest[digits:]
    return head + rest[digits + 1 :]


def _hashed(seed: int, window: int, lane: npt.NDArray[np.int16], seq: npt.NDArray[np.int64]) -> _Words:
    """A 32-bit word per event, by the finaliser of splitmix64."""
    start = (seed * 0x9E3779B97F4A7C15 + window * 0xBF58476D1CE4E5B9) % 2**64
    word = np.uint64(start) ^ (lane.astype(np.uint64) << np.uint64(40)) ^ seq.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        word = (word ^ (word >> np.uint64(shift))) * np.uint64(factor)
    word = word ^ (word >> np.uint64(31))
    result: _Words = word % np.uint64(WORD)
    return result
