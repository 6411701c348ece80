"""Encode windows of columns as records for Kafka: one sorted frame, with the scenario's faults applied."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from shoplake import contract
from shopsim.core.frame_sort import sort_order
from shopsim.core.line_buffers import MemoryFile, column, line_views, view_buffers
from shopsim.core.rng import Ints
from shopsim.engine.arguments import check_arguments
from shopsim.engine.windows import Window, WindowBatch
from shopsim.faults import selection as faults
from shopsim.faults.encoding import break_event
from shopsim.scenario.sections import Scenario

TOPIC = pl.Enum(list(contract.TOPICS))
TYPE = pl.Enum(list(contract.EVENTS))
ORDER = ("published_at_ms", "occurred_at_ms", "lane", "seq")
SCHEMA = pl.Schema(
    [
        ("published_at_ms", pl.Int64),
        ("occurred_at_ms", pl.Int64),
        ("lane", pl.Int16),
        ("seq", pl.Int64),
        ("topic", TOPIC),
        ("type", TYPE),
        ("key", pl.String),
        ("value", pl.Binary),
        ("fault", pl.String),
    ]
)
"""Columns of `EncodedWindow.rows`."""

_TYPES = pl.Series(list(contract.EVENTS), dtype=TYPE)
_TOPICS = pl.Series([contract.TOPIC_OF[name].name for name in contract.EVENTS], dtype=TOPIC)
_PLACE = {name: place for place, name in enumerate(contract.EVENTS)}


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """Encoded records of a batch of windows.

    Attributes:
        rows: columns of `SCHEMA`, sorted by `ORDER`.
        text: the memory that holds all values; None if some values are stored elsewhere.
    """

    rows: pl.DataFrame
    text: MemoryFile | None


def encode(
    scenario: Scenario,
    seed: int,
    window: Window,
    *,
    topics: Collection[str] = tuple(contract.TOPICS),
    since_ms: int | None = None,
) -> pl.DataFrame:
    """Encode the events of a window as records, with the faults of the scenario.

    Args:
        scenario: defines the faults.
        seed: of the simulation.
        window: the events. Some may be published after the window's end.
        topics: only events of these topics.
        since_ms: only records published at or after this time, UTC milliseconds.

    Returns:
        A row per record, with the columns and the order of `EncodedWindow.rows`.
    """
    check_arguments(scenario, seed, topics)
    return encode_batch(scenario, seed, window.batch, window.frames, topics, since_ms).rows


def encode_batch(
    scenario: Scenario,
    seed: int,
    batch: WindowBatch,
    frames: Mapping[str, pl.DataFrame],
    topics: Collection[str],
    since_ms: int | None,
) -> EncodedBatch:
    """The same for a batch of consecutive windows."""
    chosen = {name: frame for name, frame in frames.items() if frame.height and contract.TOPIC_OF[name].name in topics}
    if not chosen:
        return EncodedBatch(SCHEMA.to_frame(), None)
    occurred, lane, seq = (_joined(chosen, name) for name in ORDER[1:])
    window = batch.first + np.searchsorted(batch.ends_ms, occurred, side="right")
    sizes = {name: frame.height for name, frame in chosen.items()}
    records = faults.apply_faults_to_batch(scenario.faults, seed, window, occurred, lane, seq, sizes)
    if since_ms is not None:
        records = records.where(records.published_at_ms >= since_ms)
        if not len(records.event):
            return EncodedBatch(SCHEMA.to_frame(), None)
    text = MemoryFile()
    lines = _write(text, chosen, records.event, all_of_them=since_ms is None)
    event = records.event
    order = sort_order([records.published_at_ms, occurred[event], lane[event], seq[event]])
    records, event, buffer = records.where(order), event[order], text.buffer()
    kinds = np.repeat(np.array([_PLACE[name] for name in chosen], dtype=np.uint32), list(sizes.values()))[event]
    rows = pl.DataFrame(
        {
            "published_at_ms": records.published_at_ms,
            "occurred_at_ms": occurred[event],
            "lane": lane[event],
            "seq": seq[event],
            "topic": _TOPICS[kinds],
            "type": _TYPES[kinds],
            "key": _keys(chosen)[event.astype(np.uint32)],
            "value": column(line_views(buffer)[lines[order]], view_buffers(buffer)),
            "fault": _faults(records),
        }
    )
    hit = np.flatnonzero((records.which >= len(faults.TIMING_FAULTS)) & (records.which < faults.NO_FAULT))
    return EncodedBatch(_with_broken(rows, hit, records.number[hit]), None) if len(hit) else EncodedBatch(rows, text)


def _joined(frames: Mapping[str, pl.DataFrame], name: str) -> Any:  # noqa: ANN401 - an array of the column's type
    return np.concatenate([frame.get_column(name).to_numpy() for frame in frames.values()])


def _keys(frames: Mapping[str, pl.DataFrame]) -> pl.Series:
    return pl.concat([frame.get_column(contract.TOPIC_OF[name].key) for name, frame in frames.items()], rechunk=True)


def _write(text: MemoryFile, frames: Mapping[str, pl.DataFrame], events: Ints, *, all_of_them: bool) -> Ints:
    """Write the events that have a record, and return the line number of each record."""
    if all_of_them:
        for name, frame in frames.items():
            contract.write_lines(name, frame, text.file)
        return events
    needed, lines = np.unique(events, return_inverse=True)
    start = 0
    for name, frame in frames.items():
        mine = needed[(needed >= start) & (needed < start + frame.height)] - start
        if len(mine):
            contract.write_lines(name, frame[mine], text.file)
        start += frame.height
    return lines


def _faults(records: faults.LogRecords) -> pl.Series:
    if (records.which == faults.NO_FAULT).all():
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(records.which))
    return faults.NAMES[records.which.astype(np.uint32)]


def _with_broken(rows: pl.DataFrame, hit: Ints, number: Ints) -> pl.DataFrame:
    """The rows with the faults applied to the values of the rows `hit`."""
    some = zip(*rows.select("type", "fault", "value")[hit].get_columns(), number.tolist(), strict=True)
    values = [break_event(event_type, fault, value, n) for event_type, fault, value, n in some]
    return rows.with_columns(rows["value"].scatter(hit, pl.Series(values, dtype=pl.Binary)))
