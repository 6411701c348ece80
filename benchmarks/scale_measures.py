"""Measurements of `scale.py` in separate processes, except those of the sinks."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import multiprocessing
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import polars as pl
from side_by_side_measures import Clock

import shopsim
from shoplake import environments, kafka
from shoplake.contract import decode
from shoplake.publish.kafka import publish
from shoplake.publish.run import Run


class PaddedRun(Run):
    """A run whose events all have an unknown field."""

    padding = 0

    def stream(self, *arguments: Any, **options: Any) -> Generator[shopsim.EncodedWindow, None, None]:  # noqa: ANN401
        """The run's records, longer."""
        for window in super().stream(*arguments, **options):
            yield padded(window, type(self).padding)


def padded(window: shopsim.EncodedWindow, padding: int) -> shopsim.EncodedWindow:
    """The same records, so many bytes longer; text that lz4 makes little of would be another measurement."""
    if not padding:
        return window
    end = b',"note":"' + b"x" * (padding - 10) + b'"}'
    values = pl.Series("value", [value[:-1] + end for value in window.rows["value"].to_list()], dtype=pl.Binary)
    return dataclasses.replace(window, rows=window.rows.with_columns(values))


def published(scenario: str, seed: int, events: int, partitions: int, workers: int, padding: int) -> dict[str, Any]:
    """Simulate and publish what the log lacks of a run, from its first transaction here on."""
    kafka.PARTITIONS = partitions  # type: ignore[misc]  # where it waits for the end of the last transaction
    PaddedRun.padding = padding
    clock, before, done, others, others_s = Clock(), -1, 0, 0.0, 0.0

    def watch(now: int, window: shopsim.EncodedWindow | None) -> None:
        nonlocal before, done, others, others_s
        done = now
        if window is not None and before < 0:
            before, others = now, _simulating_cpu_s()
            clock.start()
        clock.stop()
        others_s = max(others_s, _simulating_cpu_s() - others)  # nothing is left to ask once they have ended

    run = PaddedRun(shopsim.load_scenario(scenario), seed, events, workers)
    asyncio.run(publish(environments.kafka_cluster(), run, watch=watch))
    found = clock.found(done - before)
    return found | {"cpu_s": found["cpu_s"] + others_s}


def _simulating_cpu_s() -> float:
    """CPU time of the processes that simulate for this one."""
    ticks = 0
    for process in multiprocessing.active_children():
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def decoded(scenario: str, events: int, batch: int = 50_000, padding: int = 0) -> dict[str, Any]:
    """Decode a run's events as a sink's batches hold them, so many at once; the simulation is not in the figures."""
    clock, cpu_s, wall_s, done, size = Clock(), 0.0, 0.0, 0, 0
    waiting: list[pl.DataFrame] = []
    for window in shopsim.stream(shopsim.load_scenario(scenario), 7, limit=events):
        waiting.append(padded(window, padding).rows.select("topic", "value"))
        rows = pl.concat(waiting)
        waiting = [rows.tail(rows.height % batch)] if done + rows.height < events else []
        for part in rows.head(rows.height - sum(map(len, waiting))).iter_slices(batch):
            values = [(str(topic), some["value"].to_list()) for (topic,), some in part.group_by("topic")]
            clock.start()
            for topic, some in values:
                decode(topic, some)
            clock.stop()
            took = clock.found(part.height)
            cpu_s, wall_s = cpu_s + took["cpu_s"], wall_s + took["wall_s"]
            size += sum(len(value) for _, some in values for value in some)
            done += part.height
    return clock.found(done) | {"cpu_s": cpu_s, "begun_at": 0.0, "ended_at": wall_s, "bytes_per_event": size / done}
