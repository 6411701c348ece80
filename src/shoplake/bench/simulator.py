"""The simulator without Kafka: to columns, and from columns to rows of JSON. One process, one thread of polars'.

Times are CPU times in essence: nothing is waited for. `benchmarks/simulator.py` measures by the same functions.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np

import shopsim
from shoplake.bench.results import Measure
from shoplake.bench.stopwatch import Stopwatch

SCENARIO, SEED = "load-test", 7
FIRST_WINDOW = 8
"""Registrations of all customers at once are over by then."""


def columns(events: int) -> Measure:
    """Simulate to columns."""
    windows = _windows()
    watch, made = Stopwatch(), 0
    watch.start()
    while made < events:
        made += len(next(windows))
    watch.stop()
    return watch.measure(made)


def random_bits(events: int) -> Measure:
    """Fill as many columns with random bits."""
    cells, made = [], 0
    for window in _windows():
        made += len(window)
        cells += [frame.shape for frame in window.frames.values() if frame.height]
        if made >= events:
            break
    rng = np.random.Generator(np.random.Philox(SEED))
    watch = Stopwatch()
    watch.start()
    for height, width in cells:
        for _ in range(width):
            rng.integers(0, 2**63, size=height, dtype=np.int64)
    watch.stop()
    return watch.measure(made)


def encode(events: int) -> Measure:
    """Encode columns to rows of JSON in order."""
    scenario = shopsim.load_scenario(SCENARIO)
    total = Measure(0, 0.0, 0.0)
    for window in _windows():
        watch = Stopwatch()
        watch.start()
        shopsim.encode(scenario, SEED, window)
        watch.stop()
        total = _sum(total, watch.measure(len(window)))
        if total.events >= events:
            break
    return total


def write_ndjson(events: int) -> Measure:
    """Write the same frames by polars' own writer of JSON lines."""
    total = Measure(0, 0.0, 0.0)
    for window in _windows():
        watch = Stopwatch()
        watch.start()
        for frame in window.frames.values():
            frame.write_ndjson(io.BytesIO())
        watch.stop()
        total = _sum(total, watch.measure(len(window)))
        if total.events >= events:
            break
    return total


def _windows() -> Iterator[shopsim.Window]:
    """Windows of the load test, from where it is open."""
    windows = shopsim.simulate(shopsim.load_scenario(SCENARIO), SEED)
    for window in windows:
        if window.index == FIRST_WINDOW:
            break
    return windows


def _sum(one: Measure, other: Measure) -> Measure:
    return Measure(
        events=one.events + other.events,
        wall_s=one.wall_s + other.wall_s,
        cpu_s=one.cpu_s + other.cpu_s,
        peak_rss_bytes=max(one.peak_rss_bytes, other.peak_rss_bytes),
    )
