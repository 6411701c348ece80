"""Cost of an event in CPU and memory, by size of the log, workers, partitions, event size and batch size.

    python benchmarks/scale.py                           # up to a million events, some 20 minutes
    python benchmarks/scale.py --up-to 10000000 --only events
    python benchmarks/scale.py --draw                    # the plots again, from docs/scale/points.json

Publishing, decoding and the sinks of Postgres and Redis, each measured in processes of its own on a stack that is
thrown away. Points go to docs/scale/points.json, plots of CPU µs per event to docs/scale/*.svg: a flat line scales.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import scale_measures
import side_by_side_measures
from scale_plots import draw
from side_by_side_measures import scenario_without_faults
from side_by_side_stack import fresh_topics, throwaway_stack, wipe

from shoplake.settings import Settings

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "scale"
SINKS = ("postgres", "redis")
SEED = 7
STEPS = (100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 50_000_000)
PARTITIONS, WORKERS = (1, 6, 24), (1, 2)
BATCHES = (1_000, 5_000, 20_000, 50_000, 100_000)
PADDINGS = (0, 300, 1_500)
Point = dict[str, Any]
"""`series` (what varies), `what` (is measured), `x` (the value that varies), and the figures per event."""


def point(series: str, what: str, x: int, runs: Sequence[dict[str, Any]]) -> Point:
    """One worker's measurement, or that of several at once, as a point."""
    events = sum(run["events"] for run in runs)
    wall_s = max(run["ended_at"] for run in runs) - min(run["begun_at"] for run in runs)
    found: Point = {
        "series": series,
        "what": what,
        "x": x,
        "events": events,
        "events_per_s": round(events / wall_s),
        "cpu_us": round(sum(run["cpu_s"] for run in runs) / events * 1e6, 2),
        # Workers at once each see all that the server does, so what the longest of them saw is the server's.
        "server_us": round(max(run["server_s"] for run in runs) / events * 1e6, 2),
        "peak_mb": round(max(run["peak_mb"] for run in runs)),
    }
    print(json.dumps(found), flush=True)
    return found


def measured(name: str, *arguments: object, at_once: int = 1) -> list[dict[str, Any]]:
    """Run a measurement in a process of its own, or in several at the same time."""
    command = [sys.executable, __file__, "--measure", name, *map(str, arguments)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) for _ in range(at_once)
    ]
    printed = [process.communicate()[0] for process in running]
    if any(process.returncode for process in running):
        raise SystemExit(f"{name} {arguments} failed")
    found: list[dict[str, Any]] = [json.loads(text) for text in printed]
    return [run for run in found if run["events"]]


class Lab:
    """The stack that is measured."""

    def __init__(self, settings: Settings, scenario: str, base: int) -> None:
        self._settings = settings
        self._scenario = scenario
        self._base = base

    def empty(self, partitions: int = 6) -> None:
        """An empty log and empty stores."""
        asyncio.run(fresh_topics(self._settings.kafka, partitions))
        for sink in SINKS:
            wipe(sink, self._settings)

    def publish(self, events: int, *, partitions: int = 6, workers: int = 1, padding: int = 0) -> list[dict[str, Any]]:
        """Bring the log to so many events."""
        return measured("published", self._scenario, SEED, events, partitions, workers, padding)

    def drain(self, sink: str, *, max_records: int = 0, workers: int = 1) -> list[dict[str, Any]]:
        """Bring what is new in the log into a store."""
        return measured("ours", sink, max_records, f"scale-{uuid.uuid4()}", at_once=workers)

    def drain_anew(self, sink: str, **options: int) -> list[dict[str, Any]]:
        """Bring all of the log into an empty store."""
        wipe(sink, self._settings)
        return self.drain(sink, **options)

    def events(self, up_to: int) -> Iterator[Point]:
        """The log grows, and each step goes into stores that hold all before it."""
        self.empty()
        for step in (step for step in STEPS if step <= up_to):
            yield point("events", "publish", step, self.publish(step))
            for sink in SINKS:
                yield point("events", sink, step, self.drain(sink))
            yield point("events", "decode", step, measured("decoded", self._scenario, step))

    def partitions(self, _: int) -> Iterator[Point]:
        """Topics of few and of many partitions."""
        for partitions in PARTITIONS:
            self.empty(partitions)
            yield point("partitions", "publish", partitions, self.publish(self._base, partitions=partitions))
            for sink in SINKS:
                yield point("partitions", sink, partitions, self.drain(sink))

    def workers(self, _: int) -> Iterator[Point]:
        """Processes that share the work: of a sink its partitions, of publishing the simulation."""
        for workers in WORKERS:
            self.empty()
            yield point("workers", "publish", workers, self.publish(self._base, workers=workers))
            for sink in SINKS:
                yield point("workers", sink, workers, self.drain(sink, workers=workers))

    def batches(self, _: int) -> Iterator[Point]:
        """Most events that a sink takes at once, and that are decoded at once."""
        self.empty()
        self.publish(self._base)
        for batch in BATCHES:
            yield point("batches", "decode", batch, measured("decoded", self._scenario, self._base, batch))
            for sink in SINKS:
                yield point("batches", sink, batch, self.drain_anew(sink, max_records=batch))

    def sizes(self, _: int) -> Iterator[Point]:
        """Events with more in them than any store keeps; `x` is bytes of JSON."""
        for padding in PADDINGS:
            decoded = measured("decoded", self._scenario, self._base, 50_000, padding)
            size = round(decoded[0]["bytes_per_event"])
            yield point("sizes", "decode", size, decoded)
            self.empty()
            yield point("sizes", "publish", size, self.publish(self._base, padding=padding))
            for sink in SINKS:
                yield point("sizes", sink, size, self.drain(sink))


SERIES = ("events", "partitions", "workers", "batches", "sizes")


def main() -> None:
    """Measure, write the points, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--up-to", type=int, default=1_000_000, help="events of the longest log")
    parser.add_argument("--base", type=int, default=200_000, help="events where something else varies")
    parser.add_argument("--only", choices=SERIES, action="append", help="some series; the others' points stay")
    parser.add_argument("--home", default="", help="of a stack that is up and applied, and may be emptied")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        name, *rest = options.measure
        measure = getattr(scale_measures, name, None) or getattr(side_by_side_measures, name)
        print(json.dumps(measure(*(int(part) if part.isdigit() else part for part in rest))))
        return
    if options.base < 100_000:
        parser.error("--base: expected at least 100000, of which the first transaction is not measured")
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "points.json"
    points: list[Point] = json.loads(file.read_text()) if file.exists() else []
    if not options.draw:
        wanted = options.only or SERIES
        points = [one for one in points if one["series"] not in wanted]
        with throwaway_stack(options.home) as settings, tempfile.TemporaryDirectory() as folder:
            lab = Lab(settings, scenario_without_faults(Path(folder)), options.base)
            for series in wanted:
                for one in getattr(lab, series)(options.up_to):
                    points.append(one)
                    file.write_text("[\n" + ",\n".join(map(json.dumps, points)) + "\n]\n", encoding="utf-8")
        print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    draw(points, options.out)


if __name__ == "__main__":
    main()
