"""How fast the simulator is and how much memory it takes, as ratios to limits measured in the same run.

    python benchmarks/simulator.py                     # a few minutes
    python benchmarks/simulator.py --events 100000000 --only memory
    python benchmarks/simulator.py --only others       # public generators, installed into throw-away environments

Each measurement is a process of its own. Times are CPU times (user and system) where nothing else is said, so that a
machine that others use too changes them little. Events per second are for orientation, ratios are the result.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoplake.bench import simulator
from shoplake.bench.results import Measure
from shoplake.bench.simulator import FIRST_WINDOW, SCENARIO, SEED

HERE = Path(__file__).parent


def columns(events: int) -> dict[str, float]:
    """Simulating to columns, against filling as many columns with random bits; as `shoplake bench` measures both."""
    return _beside(simulator.columns(events), simulator.random_bits(events))


def encoding(events: int) -> dict[str, float]:
    """Encoding columns to rows of JSON in order, against polars writing the same frames as NDJSON."""
    return _beside(simulator.encode(events), simulator.write_ndjson(events))


def _beside(ours: Measure, limit: Measure) -> dict[str, float]:
    return {"events": ours.events, "ours_s": ours.cpu_s, "limit_s": limit.cpu_s}


def streaming(events: int, workers: int) -> dict[str, float]:
    """The whole way to rows of bytes, in several processes or one; the wall clock, and who used which CPU time."""
    import shopsim

    made, begun = 0, (0.0, 0.0, 0.0)
    for window in shopsim.stream(shopsim.load_scenario(SCENARIO), SEED, limit=events + 500_000, workers=workers):
        made += window.rows.height
        now = (time.perf_counter(), time.process_time(), _workers_cpu_s())
        if not begun[0] and made >= 500_000:  # by then all processes are at work
            begun, made = now, 0
    wall, parent, others = (after - before for before, after in zip(begun, now, strict=True))
    return {
        "events": made,
        "wall_s": wall,
        "parent_cpu_s": parent,
        "worker_cpu_s": others / workers,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


def in_turns(events: int) -> dict[str, float]:
    """Measure one process, and two workers with their parent. All run alternately in this process, without pipes.

    Other load on the machine then slows all of them equally.
    """
    import shopsim
    from shoplake.contract import TOPICS
    from shopsim.engine.parallel import WINDOWS_PER_WORKER
    from shopsim.engine.publish_windows import published_batches
    from shopsim.engine.shared_memory import merged, pack, unpack
    from shopsim.shop.text_pools import pools

    scenario, workers = shopsim.load_scenario(SCENARIO), 2
    texts, lanes, at_once = pools(scenario, SEED), range(scenario.lanes), WINDOWS_PER_WORKER * workers

    def made(lanes: range, at_once: int) -> Any:  # noqa: ANN401 - an iterator
        return published_batches(scenario, SEED, lanes, FIRST_WINDOW, tuple(TOPICS), texts, at_once)

    alone, crew = made(lanes, 1), [made(lanes[number::workers], at_once) for number in range(workers)]
    for one in (alone, *crew):
        next(one)
    alone_s, crew_s, parent_s, alone_events, crew_events = 0.0, 0.0, 0.0, 0, 0
    while crew_events < events:
        began = time.process_time()
        messages = [pack(next(worker)) for worker in crew]
        middle = time.process_time()
        rows = merged([unpack(message, text.file.fileno()) for message, text in messages]).rows
        parent_s += time.process_time() - middle
        crew_s += middle - began
        crew_events += rows.height
        while alone_events < crew_events:
            began = time.process_time()
            alone_events += next(alone).rows.height
            alone_s += time.process_time() - began
    one = alone_s / alone_events
    return {"worker": crew_s / workers / crew_events / one, "parent": parent_s / crew_events / one}


def _workers_cpu_s() -> float:
    """CPU time of the other processes of this run."""
    ticks = 0
    for process in multiprocessing.active_children():
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def to_file(events: int, *topics: str) -> dict[str, float]:
    """The whole way to files of JSON lines, of all topics or some, by one process: what others are compared with."""
    import shopsim
    from shoplake.contract import TOPICS
    from shoplake.publish.files import write_run
    from shoplake.publish.run import Run

    begun: list[tuple[int, float]] = []

    def watch(written: int, _: object) -> None:
        if not begun and written >= 500_000:
            begun.append((written, time.process_time()))

    with tempfile.TemporaryDirectory() as folder:
        run = Run(shopsim.load_scenario(SCENARIO), SEED, events + 500_000, topics=topics or tuple(TOPICS))
        written = sum(write_run(run, Path(folder), "jsonl", watch=watch).values())
        (before, began), ended = begun[0], time.process_time()
    return {"events": written - before, "cpu_s": ended - began}


def clicks_to_file(events: int) -> dict[str, float]:
    """The same for clicks only, compared with generators of page views."""
    return to_file(events, "clicks")


MEASURES: dict[str, Callable[..., dict[str, float]]] = {
    "in_turns": in_turns,
    "columns": columns,
    "encoding": encoding,
    "streaming": streaming,
    "to_file": to_file,
    "clicks_to_file": clicks_to_file,
}


def measured(name: str, *arguments: int) -> dict[str, Any]:
    """Run one measurement in a process of its own, on one thread of polars'."""
    command = [sys.executable, __file__, "--measure", name, *map(str, arguments)]
    done = subprocess.run(
        command, env=os.environ | {"POLARS_MAX_THREADS": "1"}, stdout=subprocess.PIPE, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def show_speed(events: int) -> None:
    """Columns and encoding."""
    for name, what, limit in (
        ("columns", "simulate to columns", "numpy fills as many columns with random bits"),
        ("encoding", "encode columns to rows of JSON", "polars' write_ndjson of the same frames"),
    ):
        found = measured(name, events)
        ours, reference = found["events"] / found["ours_s"], found["events"] / found["limit_s"]
        print(f"{what}: {ours:,.0f} events per CPU second")
        print(f"  {limit}: {reference:,.0f}; {reference / ours:.1f} times as fast")


def show_workers(events: int) -> None:
    """One process and two."""
    load = os.getloadavg()[0]
    one, two = (measured("streaming", events, workers) for workers in (1, 2))
    rates = [found["events"] / found["wall_s"] for found in (one, two)]
    print(f"to rows of bytes, wall clock: one process {rates[0]:,.0f} events/s, two workers {rates[1]:,.0f}/s")
    print(f"  two against one: {rates[1] / rates[0]:.2f}; {os.cpu_count()} processors, load before: {load:.1f}")
    alone = one["parent_cpu_s"] / one["events"]
    worker, parent = (two[name] / two["events"] / alone for name in ("worker_cpu_s", "parent_cpu_s"))
    print(f"  CPU time of one process: 100%; of each of two workers: {worker:.0%}; of their parent: {parent:.0%}")
    print(f"  so two against one with a processor for each of the three: {1 / max(worker, parent):.2f}")
    turns = measured("in_turns", events)
    worker, parent = turns["worker"], turns["parent"]
    print(f"  in turns in one process, without pipes: {worker:.0%}, {parent:.0%}, hence {1 / max(worker, parent):.2f}")


def show_memory(counts: list[int]) -> None:
    """Peak of the resident set over the number of events."""
    for events in counts:
        found = measured("streaming", events, 1)
        print(f"peak memory after {events:,} events: {found['peak_mb']:.0f} MB")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=4_000_000, help="per measurement")
    parser.add_argument("--only", choices=["speed", "workers", "memory", "others"], help="leave the rest out")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, *arguments = options.measure
        print(json.dumps(MEASURES[name](*map(int, arguments))))
        return
    if options.only in (None, "speed"):
        show_speed(options.events)
    if options.only in (None, "workers"):
        show_workers(options.events)
    if options.only in (None, "memory"):
        show_memory([options.events // 4, options.events])
    if options.only in (None, "others"):
        sys.path.insert(0, str(HERE))
        import other_generators

        ours = [measured(name, options.events) for name in ("to_file", "clicks_to_file")]
        other_generators.show(*(found["events"] / found["cpu_s"] for found in ours))


if __name__ == "__main__":
    main()
