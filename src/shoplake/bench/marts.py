"""Measure builds of the warehouse, and compare a full one with one scan of the same files by DuckDB."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable

import duckdb

from shoplake.bench import scenario
from shoplake.bench.results import Measure
from shoplake.bench.stopwatch import Stopwatch
from shoplake.environments import LOCAL, connect
from shoplake.errors import WarehouseError
from shoplake.publish.kafka import publish
from shoplake.query import lake
from shoplake.settings import Settings
from shoplake.streaming.supervisor import stream
from shoplake.warehouse import bronze, dbt_project, state
from shoplake.warehouse.build import build

NEW = 10
"""An incremental build has one tenth as many new events as the full build."""
LARGE = 10
"""The second incremental build is on a lake of ten times as many events."""
SMALL_MODEL = "metricflow_time_spine"
"""A view without data: a run of it is dbt's start-up."""


def built(events: int) -> Measure:
    """Build everything, then nothing new, then new events on a small and on a large lake."""
    settings = connect()
    dbt_project.require_dbt()
    import dbt.cli.main

    shutil.rmtree(state.folder(LOCAL), ignore_errors=True)
    watch = Stopwatch()
    watch.start()
    full = build(settings, LOCAL, _silent)
    watch.stop()
    measured = watch.measure(full.new_events)
    idle = _timed(lambda: build(settings, LOCAL, _silent))
    dbt = _timed(lambda: dbt_project.run(LOCAL, [SMALL_MODEL], _silent))
    small, large = (_of_new_events(settings, size, events // NEW) for size in (events, events * LARGE))
    return measured.with_figures(
        idle_s=idle.wall_s,
        dbt_s=dbt.wall_s,
        small_s=small.wall_s,
        large_s=large.wall_s,
        small_cpu_s=small.cpu_s,
        large_cpu_s=large.cpu_s,
        growth=large.cpu_s / small.cpu_s,  # others on the machine change it less than the wall clock
        peak_bytes=measured.peak_rss_bytes,
    )


def scanned(events: int) -> Measure:
    """Hash and count every row of the lake by partition, in one statement, with the memory and threads of a build."""
    del events  # those of the lake
    settings = connect()
    with duckdb.connect(config={"memory_limit": state.MEMORY_LIMIT, "threads": state.THREADS}) as database:
        sources = bronze.pin(settings)
        for source in sources:
            database.register(source.topic, lake.dataset(source.table, first_offset=0))
        statement = " UNION ALL ".join(
            f"SELECT '{one.topic}', kafka_partition, count(*), bit_xor(hash(r)) FROM {one.topic} AS r GROUP BY ALL"  # noqa: S608
            for one in sources
        )
        watch = Stopwatch()
        watch.start()
        rows = database.execute(statement).fetchall()
        watch.stop()
        return watch.measure(sum(count for _, _, count, _ in rows))


def _of_new_events(settings: Settings, size: int, new: int) -> Measure:
    """Build new events on a lake of a size.

    Raises:
        WarehouseError: the build found no new events.
    """
    _fill(settings, size)
    build(settings, LOCAL, _silent)
    _fill(settings, size + new)
    watch = Stopwatch()
    watch.start()
    found = build(settings, LOCAL, _silent).new_events
    watch.stop()
    if not found:
        raise WarehouseError(f"expected about {new:,} new events in the lake, found none", fix="repeat the measurement")
    return watch.measure(found)


def _fill(settings: Settings, events: int) -> None:
    """Publish and stream more of the shop until the lake has so many events."""
    asyncio.run(publish(settings.kafka, scenario.run_of(events)))
    asyncio.run(stream(("lake",), beside=(), until_caught_up=True))


def _timed(action: Callable[[], object]) -> Measure:
    watch = Stopwatch()
    watch.start()
    action()
    watch.stop()
    return watch.measure(0)


def _silent(text: str) -> None:
    del text
