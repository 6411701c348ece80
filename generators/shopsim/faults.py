"""Which events go wrong and how, by a hash of where they are: the same for any lanes, workers and place to resume.

An event has one fault at most. `MOVING` faults change when an event comes, `BREAKING` ones (see `breaking`) its bytes.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplake.contract import EVENTS, TOPIC_OF, TOPICS
from shopsim.breaking import BREAKING, targets
from shopsim.checking import nearest
from shopsim.draws import WORD, Ints, at_quantile, lognormal
from shopsim.errors import Problem
from shopsim.scenario import Faults

MOVING = ("late", "out_of_order", "duplicated")
"""Faults that leave the bytes alone and change when, or how often, they come."""

FAULTS = (*MOVING, *BREAKING)
"""All faults, in the order in which they share the range of a hash."""

LEDGER = pl.Schema(
    [
        ("position", pl.Int64),
        ("event_id", pl.String),
        ("topic", pl.String),
        ("type", pl.String),
        ("fault", pl.String),
        ("delay_ms", pl.Int64),
    ]
)
"""Columns of `ledger`."""

_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000
_WHICH, _HOW = 0, 1
_NAMES = pl.Series([*FAULTS, None], dtype=pl.String)
_ID = re.compile(rb'"event_id":"([^"]*)"')


def strike(faults: Faults, seed: int, window: int, event_type: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The records that one type's events of a window become in the log.

    Args:
        faults: the scenario's.
        seed: of the simulation.
        window: its number.
        event_type: of all rows.
        frame: at least the columns occurred_at_ms, lane and seq.

    Returns:
        A row per record: `event` (int64, its row in the frame), `published_at_ms` (int64), `fault` (String, null for
        most) and `number` (int64, any from 0, which varies the fault). An event that comes twice has two, and only the
        second carries the fault.
    """
    occurred = frame["occurred_at_ms"].to_numpy()
    events = np.arange(frame.height, dtype=np.int64)
    limits = _limits(faults, event_type)
    if not limits[-1]:
        return _records(events, occurred, np.full(frame.height, len(FAULTS)), np.zeros(frame.height, dtype=np.int64))
    place = (seed, window, frame["lane"].to_numpy(), frame["seq"].to_numpy())
    which = np.searchsorted(limits, _hashed(_WHICH, *place), side="right")
    how = _hashed(_HOW, *place)
    published = occurred + _delays(faults, which, how)
    twice = which == FAULTS.index("duplicated")
    if not twice.any():
        return _records(events, published, which, how)
    first = _records(events, np.where(twice, occurred, published), np.where(twice, len(FAULTS), which), how)
    return pl.concat([first, _records(events[twice], published[twice], which[twice], how[twice])])


def longest_delay_ms(faults: Faults) -> int:
    """How long after its time an event may come, at most; 0 where no event is moved."""
    used = {fault for rates in faults.rates.values() for fault in MOVING if getattr(rates, fault)}
    longest = {
        "late": round(faults.late.cap_hours * _HOUR_MS),
        "out_of_order": faults.out_of_order_seconds * 1000,
        "duplicated": faults.duplicated_seconds * 1000,
    }
    return max((longest[fault] for fault in used), default=0)


def ledger(rows: pl.DataFrame, position: int) -> pl.DataFrame:
    """Which fault hit which record: the rows with a fault, with the columns of `LEDGER`.

    Args:
        rows: consecutive rows of the stream, as in `EncodedWindow.rows`.
        position: place of the first of them in the stream, from 0.
    """
    places = pl.int_range(position, position + rows.height, dtype=pl.Int64, eager=True)
    hit = rows.with_columns(places.alias("position")).drop_nulls("fault")
    ids = [match[1].decode() if (match := _ID.search(value)) else None for value in hit["value"]]
    return hit.select(
        "position",
        pl.Series("event_id", ids, dtype=pl.String),
        pl.col("topic").cast(pl.String),
        pl.col("type").cast(pl.String),
        "fault",
        (pl.col("published_at_ms") - pl.col("occurred_at_ms")).alias("delay_ms"),
    )


def rates_of(faults: Faults, event_type: str) -> dict[str, float]:
    """Share of an event type's events that each fault hits: its own rate, else its topic's, else that of `all`."""
    rules = [faults.rates[name] for name in (event_type, TOPIC_OF[event_type].name, "all") if name in faults.rates]
    stated = {fault: [rate for rule in rules if (rate := getattr(rule, fault)) is not None] for fault in FAULTS}
    return {fault: rates[0] if rates else 0.0 for fault, rates in stated.items()}


def shares(faults: Faults, event_type: str) -> dict[str, float]:
    """The same, 0 for what no field of the event can be hit by: the shares that come to be."""
    rates = rates_of(faults, event_type)
    return {fault: rates[fault] if fault in MOVING or targets(event_type, fault) else 0.0 for fault in FAULTS}


def problems(faults: Faults) -> list[Problem]:
    """What the types cannot say."""
    known = ("all", *TOPICS, *EVENTS)
    expected = "`all`, a topic or an event type"
    found = [
        Problem(f"faults.rates.{name}", expected, f"`{name}`", nearest(name, known))
        for name in faults.rates
        if name not in known
    ]
    for name, rates in faults.rates.items():
        types = [event for event in EVENTS if name in ("all", event, TOPIC_OF[event].name)]
        found.extend(
            Problem(f"faults.rates.{name}.{fault}", f"no rate, as no field of {name} can be hit by it", f"{rate:g}")
            for fault in BREAKING
            if types and (rate := getattr(rates, fault)) and not any(targets(event, fault) for event in types)
        )
    for event in EVENTS:
        if (total := sum(rates_of(faults, event).values())) > 1:
            found.append(Problem("faults.rates", f"shares that add up to at most 1 for {event}", f"{total:g}"))
            break  # where a rule is for many types, once is enough
    return found


def _records(events: Ints, published_at_ms: Ints, which: Ints, number: Ints) -> pl.DataFrame:
    faults = _NAMES.gather(which).alias("fault")
    return pl.DataFrame({"event": events, "published_at_ms": published_at_ms, "fault": faults, "number": number})


def _limits(faults: Faults, event_type: str) -> Ints:
    """Below which hash each of `FAULTS` ends; shape [faults], rising."""
    totals = np.cumsum(list(shares(faults, event_type).values()))
    return np.array([round(float(total) * WORD) for total in totals], dtype=np.int64)


def _delays(faults: Faults, which: Ints, how: Ints) -> Ints:
    late = lognormal(
        faults.late.median_minutes * _MINUTE_MS, faults.late.spread, 1, round(faults.late.cap_hours * _HOUR_MS)
    )
    delays = np.zeros(len(which), dtype=np.int64)
    for fault, drawn in (
        ("late", lambda words: at_quantile(late, words)),
        ("out_of_order", lambda words: 1 + ((words * (faults.out_of_order_seconds * 1000)) >> 32)),
        ("duplicated", lambda words: 1 + ((words * (faults.duplicated_seconds * 1000)) >> 32)),
    ):
        hit = which == FAULTS.index(fault)
        delays[hit] = drawn(how[hit])
    return delays


def _hashed(salt: int, seed: int, window: int, lane: npt.NDArray[np.int16], seq: Ints) -> Ints:
    """A number from 0 to `WORD` - 1 per event, by the finaliser of splitmix64."""
    start = (seed * 0x9E3779B97F4A7C15 + window * 0xBF58476D1CE4E5B9 + salt * 0xD6E8FEB86659FD93) % 2**64
    word = np.uint64(start) ^ (lane.astype(np.uint64) << np.uint64(40)) ^ seq.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        word = (word ^ (word >> np.uint64(shift))) * np.uint64(factor)
    word = word ^ (word >> np.uint64(31))
    return (word % np.uint64(WORD)).astype(np.int64)
