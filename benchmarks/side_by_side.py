"""Compare shoplake with the alternatives: the same machine, the same servers and the same work.

    python benchmarks/side_by_side.py                    # some 8 minutes, two of them for a stack of its own
    python benchmarks/side_by_side.py --only stores --runs 1 --events 10000

Into Kafka: Faker and one `send` per message with three clients, khaos-cli, and `generate`. Out of it: for each store
a plain consumer that applies one message at a time, and shoplake's sink, on the same events; what the two have
written is compared. The lake is left out: no tool commits to Iceberg for each event.

The wall clock is what a user waits for; CPU µs per event are the client process's, and those of the store's server
beside it. Medians of some runs.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import side_by_side_measures as measures
from side_by_side_stack import THEIRS, fresh_topics, throwaway_stack, wipe

from shoplake.settings import Settings

HERE = Path(__file__).parent
STORES = ("postgres", "dynamodb", "mongo", "redis")
SEED = 7
REQUIREMENTS = (
    "faker==40.1.0",
    "khaos-cli==0.7.1",
    "aiokafka==0.14.0",
    "confluent-kafka==2.16.1",
    "kafka-python==3.0.12",
)
OTHERS = (
    ("aiokafka", "orders", 10_000),
    ("confluent-kafka", "orders", 10_000),
    ("kafka-python", "orders", 10_000),
    ("khaos", "orders", 0),
    ("aiokafka", "page views", 100_000),
    ("confluent-kafka", "page views", 100_000),
    ("kafka-python", "page views", 50_000),
    ("khaos", "page views", 0),
    ("aiokafka", "ready-made", 200_000),
    ("confluent-kafka", "ready-made", 200_000),
    ("kafka-python", "ready-made", 50_000),
)
"""Client, what it sends, how many; khaos counts seconds."""


@dataclass(frozen=True, slots=True)
class Row:
    """One side of one comparison: medians of its runs."""

    what: str
    events: int
    per_wall_s: float
    cpu_us: float
    server_us: float

    def against(self, ours: Row) -> str:
        """A line of the table, with what ours is times as fast as."""
        return (
            f"{self.what:48}{self.events:>10,}{self.per_wall_s:>12,.0f}{self.cpu_us:>9.1f}{self.server_us:>9.1f}"
            f"{ours.per_wall_s / self.per_wall_s:>9.1f}{self.cpu_us / ours.cpu_us:>9.1f}"
        )


HEADER = f"{'':48}{'events':>10}{'events/s':>12}{'CPU µs':>9}{'server':>9}{'ours: s':>9}{'CPU':>9}"


def row(what: str, runs: Sequence[dict[str, Any]]) -> Row:
    """The medians of some runs."""
    rate = statistics.median(run["events"] / run["wall_s"] for run in runs)
    cpu_us = statistics.median(run["cpu_s"] / run["events"] * 1e6 for run in runs)
    server_us = statistics.median(run.get("server_s", 0) / run["events"] * 1e6 for run in runs)
    return Row(what, round(statistics.median(run["events"] for run in runs)), rate, cpu_us, server_us)


def measured(name: str, *arguments: object) -> dict[str, Any]:
    """Run a function of `side_by_side_measures` in a process of its own."""
    command = [sys.executable, __file__, "--measure", name, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show(title: str, ours: Row, others: Sequence[Row]) -> None:
    """One table; the last two columns say how many times as fast ours is, by the wall clock and by CPU."""
    print(f"\n{title}\n{HEADER}")
    for line in (ours, *others):
        print(line.against(ours), flush=True)


def into_kafka(settings: Settings, scenario: str, runs: int, events: int) -> None:
    """Producers. Ours is the whole way, simulation and transactions in it."""
    asyncio.run(fresh_topics(settings.kafka))
    ours = row(
        "shoplake generate: the whole shop", [measured("published", scenario, 100 + n, events) for n in range(runs)]
    )
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "-q", *REQUIREMENTS], check=True, stdout=sys.stderr)
        brokers, script = settings.kafka.bootstrap_servers, HERE / "side_by_side_producers.py"
        rows = []
        for client, kind, count in OTHERS:
            command = [python, script, client, kind, brokers, THEIRS, str(count)]
            found = [
                json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(runs)
            ]
            made = "" if kind == "ready-made" or client == "khaos" else ", by Faker"
            rows.append(row(f"{client}: {kind}{made}", found))
    show("Into Kafka", ours, rows)


def into_stores(settings: Settings, scenario: str, runs: int, events: int, more: int) -> None:
    """Consumers: both on the same events, then ours on a log as it is used to."""
    asyncio.run(fresh_topics(settings.kafka))
    by_topic = measured("published", scenario, SEED, events)["by_topic"]
    small, tutorials = {}, {}
    for store in STORES:
        way = importlib.import_module(f"side_by_side_{store}")
        count = sum(by_topic.get(topic, 0) for topic in way.TOPICS)
        small[store] = row(f"{store}: shoplake's sink, the same events", _ours(store, settings, runs))
        tutorials[store] = row(
            f"{store}: one message at a time", [measured("tutorial", store, count) for _ in range(runs)]
        )
        items, wrong = way.differing(settings)
        print(f"{store}: {items:,} rows, items or counters, {wrong} of them differ from shoplake's", flush=True)
        if wrong:
            raise SystemExit(f"{store}: the two have not done the same work")
    measured("published", scenario, SEED, more)
    for store in STORES:
        ours = row(f"{store}: shoplake's sink, a longer log", _ours(store, settings, runs))
        show(store, ours, [small[store], tutorials[store]])


def _ours(store: str, settings: Settings, runs: int) -> list[dict[str, Any]]:
    found = []
    for _ in range(runs):
        wipe(store, settings)
        found.append(measured("ours", store))
    return found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--events", type=int, default=20_000, help="that both consumers apply")
    parser.add_argument("--more", type=int, default=500_000, help="that ours applies, and publishes")
    parser.add_argument("--only", choices=("kafka", "stores"))
    parser.add_argument("--home", default="", help="of a stack that is up and applied, and may be emptied")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        name, *rest = arguments.measure
        print(json.dumps(getattr(measures, name)(*(int(part) if part.isdigit() else part for part in rest))))
        return
    with throwaway_stack(arguments.home) as settings, tempfile.TemporaryDirectory() as folder:
        scenario = measures.scenario_without_faults(Path(folder))
        load = os.getloadavg()[0]
        if arguments.only != "stores":
            into_kafka(settings, scenario, arguments.runs, arguments.more)
        if arguments.only != "kafka":
            into_stores(settings, scenario, arguments.runs, arguments.events, arguments.more)
        print(
            f"\nload of the machine: {load:.1f} before, {os.getloadavg()[0]:.1f} after, on {os.cpu_count()} processors"
        )


if __name__ == "__main__":
    main()
