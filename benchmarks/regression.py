"""This commit beside another one on the same machine: CPU time per event of what runs for every event.

    python benchmarks/regression.py                      # with where this branch left origin/main, else with HEAD~1
    python benchmarks/regression.py v0.1.0 --budget-s 300

The other commit is checked out into a temporary folder and runs on the libraries of this environment. The two take
turns, so that what else the machine does hits both. A stage is slower when the least time of all rounds and the median
of the rounds both say so: then a line warns (an annotation on GitHub), and the exit code stays 0. A stage that the
other commit does not have in this form is left out and named, and so is everything where there is no such commit.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

ROOT = Path(__file__).resolve().parents[1]
SCENARIO, SEED = "load-test", 7
FIRST_WINDOW, WINDOWS = 8, 2
"""Windows that are measured: in the first ones all customers register."""
REPEATS = 5
WORTH_A_WARNING = 1.15
MOST_ROUNDS = 8
Measured = dict[str, dict[str, Any]]
"""Stage -> `cpu_s` and `events`, or `missing`: why it could not be measured."""


def measure() -> Measured:
    """Every stage of whichever checkout is on the path; imports are the stages' own, as either may lack something."""
    found: Measured = {}
    windows = _attempt(found, "simulate", _simulate)
    rows = _attempt(found, "encode", _encode, windows)
    events = _attempt(found, "decode", _decode, rows)
    _attempt(found, "batches for Kafka", _batches, rows)
    _attempt(found, "fold for Postgres", _postgres, events)
    _attempt(found, "fold for DynamoDB", _keyed, events, "dynamodb.items")
    _attempt(found, "fold for MongoDB", _keyed, events, "mongo.documents")
    _attempt(found, "message for Redis", _redis, events)
    return found


def _attempt(found: Measured, stage: str, call: Callable[..., tuple[float, int, Any]], *arguments: Any) -> Any:  # noqa: ANN401
    """Output of a stage for the next one; its times go into `found`."""
    try:
        cpu_s, events, made = call(*arguments)
        if not events:
            raise ValueError("no events of this kind")
    except Exception as error:  # whatever another version raises, the other stages are to be measured
        found[stage] = {"missing": f"{type(error).__name__}: {error}"}
        return None
    found[stage] = {"cpu_s": cpu_s, "events": events}
    return made


def _least(call: Callable[[], Any]) -> tuple[float, Any]:
    """The least CPU time of some calls, and what the last one gave."""
    times, made = [], None
    for _ in range(REPEATS):
        began = time.process_time()
        made = call()
        times.append(time.process_time() - began)
    return min(times), made


def _simulate() -> tuple[float, int, Any]:
    import shopsim

    measured, cpu_s = [], 0.0
    windows = iter(shopsim.simulate(shopsim.load_scenario(SCENARIO), SEED))
    while len(measured) < WINDOWS:
        began = time.process_time()
        window = next(windows)
        if window.index >= FIRST_WINDOW:
            cpu_s += time.process_time() - began
            measured.append(window)
    return cpu_s, sum(map(len, measured)), measured


def _encode(windows: Sequence[Any]) -> tuple[float, int, Any]:
    import polars as pl

    import shopsim

    scenario = shopsim.load_scenario(SCENARIO)
    cpu_s, rows = _least(lambda: [shopsim.encode(scenario, SEED, window) for window in windows])
    whole = pl.concat(rows)
    return cpu_s, whole.height, whole


def _decode(rows: pl.DataFrame) -> tuple[float, int, Any]:
    from shoplake.contract import decode

    values = {str(topic): some["value"].to_list() for (topic,), some in rows.group_by("topic", maintain_order=True)}
    cpu_s, decoded = _least(lambda: {topic: decode(topic, some).events for topic, some in values.items()})
    return cpu_s, rows.height, {topic: _placed(events) for topic, events in decoded.items()}


def _placed(events: pl.DataFrame) -> pl.DataFrame:
    """Events with the places that a reader gives them: all in one partition, in order."""
    import polars as pl

    here = {"partition": pl.lit(0, pl.Int32), "offset": pl.int_range(pl.len(), dtype=pl.Int64)}
    return events.drop("position").with_columns(**here)


def _batches(rows: pl.DataFrame) -> tuple[float, int, Any]:
    return asyncio.run(_batched(rows))


async def _batched(rows: pl.DataFrame) -> tuple[float, int, Any]:
    from aiokafka import AIOKafkaProducer

    from shoplake.contract import TOPICS
    from shoplake.publish import kafka

    producer = AIOKafkaProducer(compression_type="lz4", max_batch_size=kafka.BATCH_BYTES)  # makes batches, never starts
    partitions = dict.fromkeys(TOPICS, 6)

    def batches() -> int:
        parts = [part for _, _, part in kafka._by_partition(rows, partitions)]
        return sum(batch.record_count() for part in parts for batch in kafka._batches(producer, part))  # type: ignore[attr-defined]

    cpu_s, records = _least(batches)
    await producer.stop()
    return cpu_s, records, None


def _postgres(events: Mapping[str, pl.DataFrame]) -> tuple[float, int, Any]:
    from shoplake.sinks.postgres.event_columns import TABLES, TOPICS

    tables = [table for table in TABLES if table.topic in events]
    cpu_s, _ = _least(lambda: [table.rows(events[table.topic]) for table in tables])
    return cpu_s, sum(len(frame) for topic, frame in events.items() if topic in TOPICS), None


def _keyed(events: Mapping[str, pl.DataFrame], module: str) -> tuple[float, int, Any]:
    from importlib import import_module

    from shoplake.sinks.keyed import fold_items

    parts = [part for part in import_module(f"shoplake.sinks.{module}").PARTS if part.topic in events]
    whole = [(part, events[part.topic].drop_nulls(list(part.keys))) for part in parts]
    cpu_s, _ = _least(lambda: [fold_items(some, part, {}) for part, some in whole])
    return cpu_s, sum(len(events[topic]) for topic in {part.topic for part in parts}), None


def _redis(events: Mapping[str, pl.DataFrame]) -> tuple[float, int, Any]:
    from shoplake.sinks.base import Batch
    from shoplake.sinks.redis import sink as redis

    batch = Batch({topic: events[topic] for topic in ("orders", "clicks", "inventory") if topic in events}, {})
    cpu_s, _ = _least(lambda: redis._message(batch, {}))
    return cpu_s, len(batch), None


def compare(sides: Mapping[str, Sequence[Measured]]) -> Iterator[tuple[str, float, float, float, float]]:
    """Stage, µs per event before and now, and now / before by the least times and by the median round.

    Args:
        sides: `before` and `now`, a measurement of each per round.
    """
    for stage in sides["now"][0]:
        before, now = (
            [run[stage]["cpu_s"] / run[stage]["events"] * 1e6 for run in sides[side] if "cpu_s" in run.get(stage, {})]
            for side in ("before", "now")
        )
        if before and now:
            ratios = [new / old for old, new in zip(before, now, strict=False)]
            yield stage, min(before), min(now), min(now) / min(before), statistics.median(ratios)


def left_out(sides: Mapping[str, Sequence[Measured]]) -> Iterator[str]:
    """Stages that one of the two could not be measured at, with why."""
    for stage in sides["now"][0]:
        for side in ("before", "now"):
            if "cpu_s" not in sides[side][0].get(stage, {}):
                yield f"{stage}: left out, not measurable {side}: {sides[side][0][stage]['missing']}"


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """A commit in a folder of its own, removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "base"
        _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", ROOT, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _known(base: str) -> str:
    """The commit that a name stands for; empty where there is none, as in a shallow clone."""
    with contextlib.suppress(subprocess.CalledProcessError):
        return _git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
    return ""


def _default_base() -> str:
    """Where this branch left main; on main itself, the commit before."""
    with contextlib.suppress(subprocess.CalledProcessError):
        if (left := _git("merge-base", "HEAD", "origin/main")) != _git("rev-parse", "HEAD"):
            return left
    return "HEAD~1"


def measured_at(tree: Path) -> Measured:
    """A measurement in a process of its own, on one thread of polars'."""
    path = os.pathsep.join([str(tree / "src"), str(tree / "generators")])
    environment = os.environ | {"PYTHONPATH": path, "POLARS_MAX_THREADS": "1", "SHOPLAKE_ROOT": str(tree)}
    command = [sys.executable, __file__, "--measure", "-"]
    done = subprocess.run(command, env=environment, cwd=tree, stdout=subprocess.PIPE, text=True, check=True)
    found: Measured = json.loads(done.stdout)
    return found


def rounds(base: Path, budget_s: float) -> dict[str, list[Measured]]:
    """Both in turns, each first as often as second, until the time is up; once at least."""
    sides: dict[str, list[Measured]] = {"before": [], "now": []}
    trees, began = {"before": base, "now": ROOT}, time.monotonic()
    for done in range(MOST_ROUNDS):
        order = ("before", "now") if done % 2 == 0 else ("now", "before")
        for side in order:
            sides[side].append(measured_at(trees[side]))
        a_round_s = (time.monotonic() - began) / (done + 1)
        if time.monotonic() - began + a_round_s > budget_s:
            break
    return sides


def main() -> int:
    """Print the table, and a warning for each stage that became slower; 0 whatever it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", help="commit to compare with")
    parser.add_argument("--budget-s", type=float, default=80, help="no new round that would end later (default 80)")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure()))
        return 0
    base = options.base or _default_base()
    commit = _known(base)
    if not commit:
        print(f"there is no commit {base} here (a shallow clone?): nothing to compare with")
        return 0
    with checked_out(commit) as tree:
        sides = rounds(tree, options.budget_s)
    print(f"CPU µs per event, {commit[:12]} and this checkout, {len(sides['now'])} rounds in turns")
    print(f"{'':22}{'before':>9}{'now':>9}{'ratio':>8}{'median':>8}")
    for stage, before, now, least, median in compare(sides):
        print(f"{stage:22}{before:9.3f}{now:9.3f}{least:8.2f}{median:8.2f}")
        if min(least, median) > WORTH_A_WARNING and len(sides["now"]) > 1:  # one round alone may be noise
            mark = "::warning title=slower::" if "GITHUB_ACTIONS" in os.environ else "warning: "
            print(f"{mark}{stage} takes {least:.2f} times the CPU it took at {commit[:12]}")
    for line in left_out(sides):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
