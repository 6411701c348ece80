"""Measure a generator and five sinks together, from the first event to the last one in the slowest store."""

from __future__ import annotations

import asyncio
from collections import Counter

import shopsim
from shoplake import sinks
from shoplake.bench import scenario
from shoplake.bench.results import Measure
from shoplake.bench.sink_workers import running
from shoplake.bench.stopwatch import Stopwatch, cpu_s
from shoplake.environments import connect
from shoplake.publish.kafka import publish
from shoplake.verify import verify

APPLIED_S = 3600
STORES = ("log", *sinks.SINKS)


def generate_and_stream(events: int) -> Measure:
    """Publish while all sinks run, wait for the last of them, and verify what they hold.

    The generator is this process, the sinks are others; CPU time is that of all six. The end is seen in the sinks' own
    reports, which come twice a second.
    """
    return asyncio.run(_generate_and_stream(events))


async def _generate_and_stream(events: int) -> Measure:
    settings = connect()
    run, watch, topics = scenario.run_of(events), Stopwatch(), Counter[str]()
    scenario.warm_up(run)

    def tell(_: int, window: shopsim.EncodedWindow | None) -> None:
        if window is None:
            watch.start()
        else:
            topics.update(dict(window.rows["topic"].cast(str).value_counts().iter_rows()))

    wanted = {name: sinks.make(name, settings).topics for name in sinks.SINKS}
    async with running(sinks.SINKS) as five:
        before_s = sum(map(cpu_s, five.pids))
        done = await publish(settings.kafka, run, watch=tell)
        await five.applied({name: sum(topics[t] for t in read) for name, read in wanted.items()}, APPLIED_S)
        watch.stop()
        sinks_cpu_s = sum(map(cpu_s, five.pids)) - before_s
        measured = watch.measure(done.events, cpu_of_others_s=sinks_cpu_s)
    report = await verify(settings, STORES)
    return measured.with_figures(
        lost=sum(store.lost for store in report.stores),
        duplicated=sum(store.duplicated for store in report.stores),
        differing=sum(store.differing for store in report.stores),
    )
