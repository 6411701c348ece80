"""Select the events with a fault by a hash of their position: the same for any lanes, workers and resume position.

An event has at most one fault. `TIMING_FAULTS` change when an event is published, `CONTENT_FAULTS` (see `encoding`)
change its bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplake.contract import EVENTS, TOPIC_OF, TOPICS
from shopsim.core.rng import WORD, Bools, Ints, at_quantile, lognormal
from shopsim.errors import Problem
from shopsim.faults.encoding import CONTENT_FAULTS, targets
from shopsim.scenario.fault_sections import Faults
from shopsim.scenario.type_checks import nearest

TIMING_FAULTS = ("late", "out_of_order", "duplicated")
"""Faults that change when, or how often, an event is published, but not its bytes."""

FAULTS = (*TIMING_FAULTS, *CONTENT_FAULTS)
"""All faults, in the order in which they divide the range of the hash."""

NAMES = pl.Series([*FAULTS, None], dtype=pl.String)
NO_FAULT = len(FAULTS)
"""The index of "no fault" in `NAMES`."""

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
_FAULT_SALT, _DETAIL_SALT = 0, 1
_ID = re.compile(rb'"event_id":"([^"]*)"')


def apply_faults(faults: Faults, seed: int, window: int, event_type: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Records of the log for events of one type.

    Args:
        faults: the scenario's.
        seed: of the simulation.
        window: number of the window of the events.
        event_type: of all rows.
        frame: at least the columns occurred_at_ms, lane and seq.

    Returns:
        A row per record: `event` (int64, its row in the frame), `published_at_ms` (int64), `fault` (String, null for
        most) and `number` (int64, from 0, selects the variant of the fault). A duplicated event has two records, and
        only the second has the fault.
    """
    occurred, lane, seq = (frame[name].to_numpy() for name in ("occurred_at_ms", "lane", "seq"))
    windows = np.full(frame.height, window)
    struck_records = apply_faults_to_batch(faults, seed, windows, occurred, lane, seq, {event_type: frame.height})
    names = NAMES.gather(struck_records.which).alias("fault")
    return pl.DataFrame(
        {
            "event": struck_records.event,
            "published_at_ms": struck_records.published_at_ms,
            "fault": names,
            "number": struck_records.number,
        }
    )


@dataclass(frozen=True, slots=True)
class LogRecords:
    """Records of the log for some events. Arrays [records].

    Attributes:
        event: row of the event.
        published_at_ms: time of publication.
        which: index of the fault in `FAULTS`, `NO_FAULT` for most.
        number: from 0; selects the variant of the fault.
    """

    event: Ints
    published_at_ms: Ints
    which: Ints
    number: Ints

    def where(self, chosen: Bools | npt.NDArray[np.uint32]) -> LogRecords:
        """Some of the records, by mask or by index."""
        return LogRecords(self.event[chosen], self.published_at_ms[chosen], self.which[chosen], self.number[chosen])


def apply_faults_to_batch(
    faults: Faults,
    seed: int,
    window: Ints,
    occurred_at_ms: Ints,
    lane: npt.NDArray[np.int16],
    seq: Ints,
    types: Mapping[str, int],
) -> LogRecords:
    """The same for events of several types, one type after the other; `types` has the number of rows of each."""
    events, sound = np.arange(len(seq)), np.full(len(seq), NO_FAULT)
    limits = {event_type: _limits(faults, event_type) for event_type in types}
    if not any(limit[-1] for limit in limits.values()):
        return LogRecords(events, occurred_at_ms, sound, events)
    word, which, start = _event_hash(_FAULT_SALT, seed, window, lane, seq), sound, 0
    for event_type, count in types.items():
        mine = slice(start, start + count)
        which[mine] = np.searchsorted(limits[event_type], word[mine], side="right")
        start += count
    how = _event_hash(_DETAIL_SALT, seed, window, lane, seq)
    published = occurred_at_ms + _delays(faults, which, how)
    twice = which == FAULTS.index("duplicated")
    if not twice.any():
        return LogRecords(events, published, which, how)
    return LogRecords(
        np.concatenate([events, events[twice]]),
        np.concatenate([np.where(twice, occurred_at_ms, published), published[twice]]),
        np.concatenate([np.where(twice, NO_FAULT, which), which[twice]]),
        np.concatenate([how, how[twice]]),
    )


def longest_delay_ms(faults: Faults) -> int:
    """The longest delay of an event; 0 if no event is delayed."""
    used = {fault for rates in faults.rates.values() for fault in TIMING_FAULTS if getattr(rates, fault)}
    longest = {
        "late": round(faults.late.cap_hours * _HOUR_MS),
        "out_of_order": faults.out_of_order_seconds * 1000,
        "duplicated": faults.duplicated_seconds * 1000,
    }
    return max((longest[fault] for fault in used), default=0)


def ledger(rows: pl.DataFrame, position: int) -> pl.DataFrame:
    """List the records with a fault.

    Args:
        rows: consecutive rows of the stream, as in `EncodedWindow.rows`.
        position: position of the first row in the stream, from 0.

    Returns:
        A row per record: `position` (int64, in the stream), `event_id` (null if the record has none), `topic`, `type`,
        `fault` and `delay_ms` (int64).
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


def stated_rates(faults: Faults, event_type: str) -> dict[str, float]:
    """Rate of each fault for an event type: its own rate, else that of its topic, else that of `all`."""
    rules = [faults.rates[name] for name in (event_type, TOPIC_OF[event_type].name, "all") if name in faults.rates]
    stated = {fault: [rate for rule in rules if (rate := getattr(rule, fault)) is not None] for fault in FAULTS}
    return {fault: rates[0] if rates else 0.0 for fault, rates in stated.items()}


def shares(faults: Faults, event_type: str) -> dict[str, float]:
    """The same, but 0 for faults that do not apply to any field of the event."""
    rates = stated_rates(faults, event_type)
    return {fault: rates[fault] if fault in TIMING_FAULTS or targets(event_type, fault) else 0.0 for fault in FAULTS}


def problems(faults: Faults) -> list[Problem]:
    """Problems with fault rates that the types cannot express."""
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
            for fault in CONTENT_FAULTS
            if types and (rate := getattr(rates, fault)) and not any(targets(event, fault) for event in types)
        )
    for event in EVENTS:
        if (total := sum(stated_rates(faults, event).values())) > 1:
            found.append(Problem("faults.rates", f"shares that add up to at most 1 for {event}", f"{total:g}"))
            break  # one message is enough for a rule that covers many types
    return found


def _limits(faults: Faults, event_type: str) -> Ints:
    """Upper limit of the hash for each of `FAULTS`, ascending; shape [faults]."""
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


def _event_hash(salt: int, seed: int, window: Ints, lane: npt.NDArray[np.int16], seq: Ints) -> Ints:
    """A hash from 0 to `WORD` - 1 per event, by the finaliser of splitmix64."""
    start = (seed * 0x9E3779B97F4A7C15 + salt * 0xD6E8FEB86659FD93) % 2**64
    number, owner, place = (values.astype(np.uint64) for values in (window, lane, seq))
    # Arrays of uint64 calculate modulo 2**64.
    word = (number * np.uint64(0xBF58476D1CE4E5B9) + np.uint64(start)) ^ (owner << np.uint64(40)) ^ place
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        word = (word ^ (word >> np.uint64(shift))) * np.uint64(factor)
    word = word ^ (word >> np.uint64(31))
    hashed: Ints = (word % np.uint64(WORD)).astype(np.int64)
    return hashed
