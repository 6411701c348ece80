"""A model of the AWS resources for a rate of events, and their cost per month. Change an input and run it again.

    python benchmarks/capacity.py                                   # a million events a second
    python benchmarks/capacity.py --events-per-s 278000             # a billion an hour
    python benchmarks/capacity.py --hold-s 600 --kept-days 1
    python benchmarks/capacity.py --coalescing                      # measures the table that the model takes, a minute
    python benchmarks/capacity.py --check docs/scale/points.json    # what the model takes beside what was measured

Inputs were measured on one machine with what is in benchmarks/ (docs/scale.md says which with what); those that were
not are marked as assumed. Prices come from src/shoplake/infra/prices.toml, but for the processors of the workers.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from shoplake.infra.cost import prices

SECONDS_PER_MONTH = 730 * 3600
MB, GB, TB = 1e6, 1e9, 1e12
SHARES = {
    "clicks": 0.8957,
    "orders": 0.054,
    "inventory": 0.041,
    "customers": 0.0055,
    "reviews": 0.0033,
    "products": 0.0005,
}
"""Topic -> its part of the events, of weeks 4 to 12 of the scenario `demo`."""
READ_BY = {
    "lake": tuple(SHARES),
    "postgres": ("customers", "products", "orders", "inventory", "reviews"),
    "dynamodb": ("clicks", "orders"),
    "mongo": ("customers", "products", "orders", "reviews"),
    "redis": ("orders", "clicks", "inventory"),
}
CPU_US = {"publish": 2.2, "lake": 5.2, "postgres": 5.0, "dynamodb": 12.0, "mongo": 13.6, "redis": 2.7}
"""CPU µs per event that the process reads or publishes: of logs from a million events on by `scale.py`; the lake's by
`shoplake bench`, DynamoDB's and MongoDB's by `side_by_side.py` (the longer log)."""
COALESCED = (
    (0.001, 1.0, 1.0),
    (1, 0.92, 1.0),
    (10, 0.81, 0.96),
    (60, 0.44, 0.84),
    (600, 0.16, 0.80),
    (3600, 0.13, 0.79),
)
"""Seconds of events in a batch -> sessions written per click, orders written per event of orders."""


@dataclass(frozen=True, slots=True)
class Load:
    """Inputs of the model: the wanted rate, and measured or assumed figures per event.

    Attributes:
        events_per_s: into Kafka, and into all stores.
        hold_s: seconds of events that a batch of DynamoDB's sink spans; None for what the sink does today.
        log_bytes: of an event in Kafka, compressed, once.
        lake_bytes: of an event in Parquet.
        batch_records: most events in a batch.
        linger_s: how long a batch waits for more.
        busy: share of a processor, a disk or a network that may be in use.
        kept_days: of the log in Kafka; the project keeps it for ever.
        replication: copies of the log.
    """

    events_per_s: float = 1e6
    hold_s: float | None = None
    log_bytes: float = 57
    lake_bytes: float = 29
    batch_records: int = 50_000
    linger_s: float = 0.5
    busy: float = 0.6
    kept_days: float = 7
    replication: int = 3
    cpu_us: Mapping[str, float] = field(default_factory=lambda: CPU_US)
    postgres_server_us: float = 4.4
    redis_server_us: float = 0.1


# Assumed, not measured: what AWS says of m7g.large as a baseline without bursts, and what a core of DocumentDB takes.
BROKER_DISK_MB_S = 78.75
BROKER_NETWORK_MB_S = 117
DOCUMENTS_PER_VCPU_S = 3_000
VCPU_HOUR = 0.03238 + 2 * 0.00356
"""Fargate on ARM in us-east-1 with 2 GB per processor: not in the price list, as no plan has any."""
BROKER, DATABASE, CACHE, DOCUMENTS = "kafka.m7g.large", "db.m7g.large", "cache.m7g.large", "docdb.db.r6g.large"
LAKE_BATCH, LAKE_LINGER_S, FILES_PER_COMMIT = 100_000, 1.0, 4
"""Of the lake's sink: most events, how long it waits for more; data, a manifest, its list and the metadata."""
VCPUS = 2
"""Of each of these; larger ones of a family cost in proportion."""


@dataclass(frozen=True, slots=True)
class Need:
    """One line: what, how much of it, why, and US dollars a month."""

    what: str
    amount: str
    why: str
    usd: float


def share(sink: str) -> float:
    """Part of the events that a sink reads."""
    return sum(SHARES[topic] for topic in READ_BY[sink])


def processors(load: Load, process: str) -> int:
    """Processors that publishing or a sink keeps busy, one worker each."""
    part = 1.0 if process == "publish" else share(process)
    return math.ceil(load.events_per_s * part * load.cpu_us[process] / 1e6 / load.busy)


def partitions(load: Load) -> int:
    """Partitions per topic: one for each worker of the largest sink, in dozens."""
    return 12 * math.ceil(max(processors(load, sink) for sink in READ_BY) / 12)


def span_s(load: Load) -> float:
    """Seconds of events in a batch of DynamoDB's sink, of a stream that is kept up with.

    A worker waits `linger_s` for more after a batch's first event, and no longer once the batch is full, which few
    workers at a high rate are sooner.
    """
    if load.hold_s is not None:
        return load.hold_s
    per_worker = load.events_per_s * share("dynamodb") / processors(load, "dynamodb")
    return min(load.linger_s, load.batch_records / per_worker)


def coalesced(seconds: float, table: Sequence[tuple[float, float, float]] = COALESCED) -> tuple[float, float]:
    """Sessions written per click and orders per event of orders, between the measured spans by their logarithm."""
    if seconds <= table[0][0]:
        return table[0][1:]
    for (low, *before), (high, *after) in itertools.pairwise(table):
        if seconds <= high:
            along = math.log(seconds / low) / math.log(high / low)
            sessions, orders = (b + along * (a - b) for b, a in zip(before, after, strict=True))
            return sessions, orders
    return table[-1][1:]


def brokers(load: Load) -> int:
    """Brokers in three zones, by the lesser of disk and network.

    Source: "Best practices for right-sizing your Apache Kafka clusters" of the AWS Big Data Blog, its equation 1; for
    the number of consumer groups stands how often an event is read: by its sinks and by the dead-letter step.
    """
    written_mb_s = load.events_per_s * load.log_bytes / MB
    reads = sum(map(share, READ_BY)) + 1
    by_disk = written_mb_s * load.replication / (BROKER_DISK_MB_S * load.busy)
    by_network = written_mb_s * (reads + load.replication - 1) / (BROKER_NETWORK_MB_S * load.busy)
    return 3 * math.ceil(max(by_disk, by_network) / 3)


def write_units(load: Load) -> tuple[float, float]:
    """Write units of DynamoDB a second for sessions and for orders.

    An item is below 1 kB, and a transaction counts it twice; an order's change of status moves it in the index by
    status too, which is one entry less and one more.
    """
    sessions, orders = coalesced(span_s(load))
    return (
        load.events_per_s * SHARES["clicks"] * sessions * 2,
        load.events_per_s * SHARES["orders"] * orders * (2 + 2),
    )


def needs(load: Load) -> list[Need]:
    """Everything, line by line."""
    return [*_kafka(load), *_workers(load), *_dynamodb(load), *_servers(load), *_lake(load)]


def _kafka(load: Load) -> list[Need]:
    count = brokers(load)
    kept_gb = load.events_per_s * 86_400 * load.kept_days * load.log_bytes * load.replication / GB
    rate = f"{load.events_per_s * load.log_bytes / MB:.0f} MB/s in, {sum(map(share, READ_BY)) + 1:.1f} times out"
    return [
        Need("MSK brokers", f"{count} × {BROKER}", rate, count * _monthly(BROKER)),
        Need(
            "MSK storage",
            f"{kept_gb / 1000:,.0f} TB",
            f"{load.kept_days:g} days, {load.replication} copies, {partitions(load)} partitions per topic",
            kept_gb * prices()["monthly"]["msk GB"],
        ),
    ]


def _workers(load: Load) -> list[Need]:
    return [
        Need(
            "publishers" if process == "publish" else f"workers of {process}",
            f"{processors(load, process)} vCPU",
            f"{load.cpu_us[process]:g} µs an event, {load.busy:.0%} busy",
            processors(load, process) * VCPU_HOUR * prices()["hours_per_month"],
        )
        for process in ("publish", *READ_BY)
    ]


def _dynamodb(load: Load) -> list[Need]:
    why = f"batches of {span_s(load):.1f} s"
    hourly, hours = prices()["hourly"], prices()["hours_per_month"]
    found = []
    for table, units in zip(("sessions", "orders"), write_units(load), strict=True):
        # Each written item is read first, consistently: one read unit, where a write takes two or four.
        reads = units / (2 if table == "sessions" else 4)
        usd = (units * hourly["dynamodb write unit"] + reads * hourly["dynamodb read unit"]) * hours / load.busy
        found.append(Need(f"DynamoDB, {table}", f"{units:,.0f} write units/s", why, usd))
    return found


def on_demand_usd(load: Load) -> float:
    """Cost of DynamoDB's writes and reads per month, with on-demand capacity."""
    sessions, orders = write_units(load)
    usage = prices()["usage"]
    writes, reads = sessions + orders, sessions / 2 + orders / 4
    million_usd = writes * usage["dynamodb million writes"] + reads * usage["dynamodb million reads"]
    return float(million_usd * SECONDS_PER_MONTH / 1e6)


def _servers(load: Load) -> list[Need]:
    rows = load.events_per_s * share("postgres")
    documents = load.events_per_s * share("mongo")
    sized = (
        ("RDS, with a standby", DATABASE, rows * load.postgres_server_us / 1e6, 2, f"{rows:,.0f} events/s"),
        ("ElastiCache, with a replica", CACHE, load.events_per_s * load.redis_server_us / 1e6, 2, "one thread"),
        ("DocumentDB", DOCUMENTS, documents / DOCUMENTS_PER_VCPU_S, 3, f"{documents:,.0f} documents/s, assumed"),
    )
    found = []
    for what, kind, busy_vcpus, copies, why in sized:
        times = math.ceil(busy_vcpus / load.busy / VCPUS)
        amount = f"{copies} × {times * VCPUS} vCPU"
        found.append(Need(what, amount, f"{why}: {busy_vcpus:.1f} vCPU busy", copies * times * _monthly(kind)))
    return found


def _lake(load: Load) -> list[Need]:
    kept_gb = load.events_per_s * SECONDS_PER_MONTH * load.lake_bytes / GB
    kept_usd = kept_gb * prices()["monthly"]["s3 standard GB"]
    files = files_per_s(load)
    return [
        Need(
            "S3, each month's events",
            f"{kept_gb / 1000:,.0f} TB more",
            f"{load.lake_bytes:g} bytes an event in Parquet",
            kept_usd,
        ),
        Need(
            "S3, writes",
            f"{files:,.0f} files/s",
            f"{FILES_PER_COMMIT} a commit and topic",
            files * SECONDS_PER_MONTH / 1e6 * prices()["usage"]["s3 million writes"],
        ),
    ]


def files_per_s(load: Load) -> float:
    """Files that the lake's workers write: a commit for each topic of a batch, full or after its linger."""
    batches = max(processors(load, "lake") / LAKE_LINGER_S, load.events_per_s / LAKE_BATCH)
    return batches * len(SHARES) * FILES_PER_COMMIT


def _monthly(kind: str) -> float:
    return float(prices()["hourly"][kind] * prices()["hours_per_month"])


def check(file: Path) -> None:
    """Print what the model takes for an event's CPU beside the points of `scale.py` that have the usual batches."""
    points = [one for one in json.loads(file.read_text()) if one["series"] in ("events", "partitions")]
    print(f"{'CPU µs per event':20}{'model':>8}{'measured':>18}{'events/s of a processor':>26}{'measured':>20}")
    for process in sorted({one["what"] for one in points} & CPU_US.keys()):
        some = [one for one in points if one["what"] == process]
        cpu, rates = ([one[name] for one in some] for name in ("cpu_us", "events_per_s"))
        measured = f"{min(cpu):.1f} to {max(cpu):.1f}"
        rate = f"{min(rates):,} to {max(rates):,}"
        print(f"{process:20}{CPU_US[process]:8.1f}{measured:>18}{1e6 / CPU_US[process]:>26,.0f}{rate:>20}")


def measure_coalescing() -> None:
    """Print `COALESCED` as the simulator has it: what of sessions and orders the events of so many seconds touch."""
    import polars as pl

    import shopsim
    from shoplake.contract import TOPIC_OF

    kept = {"clicks": ["session_id"], "orders": ["customer_id", "order_id"]}
    found: dict[str, list[pl.DataFrame]] = {topic: [] for topic in kept}
    for window in shopsim.simulate(shopsim.load_scenario("demo"), 7):
        for name, frame in window.frames.items():
            if window.index >= 6 and frame.height and (topic := TOPIC_OF[name].name) in kept:
                found[topic].append(frame.select("occurred_at_ms", *kept[topic]))
        if window.index == 20:
            break
    for span, *_ in COALESCED:
        line = [f"{span:>8g} s"]
        for topic, frames in found.items():
            events = pl.concat(frames)
            touched = events.with_columns(pl.col("occurred_at_ms") // max(1, int(span * 1000))).n_unique()
            line.append(f"{topic} {touched / events.height:.2f}")
        print("  ".join(line))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events-per-s", type=float, default=Load().events_per_s)
    parser.add_argument("--hold-s", type=float, help="seconds of events in a batch of DynamoDB's sink")
    parser.add_argument("--kept-days", type=float, default=Load().kept_days)
    parser.add_argument("--coalescing", action="store_true")
    parser.add_argument("--check", type=Path, metavar="POINTS")
    options = parser.parse_args()
    if options.coalescing:
        measure_coalescing()
        return
    if options.check:
        check(options.check)
        return
    load = replace(Load(), events_per_s=options.events_per_s, hold_s=options.hold_s, kept_days=options.kept_days)
    lines = needs(load)
    print(f"{load.events_per_s:,.0f} events/s, {load.events_per_s * 3600 / 1e9:.2f} billion an hour")
    for need in lines:
        print(f"{need.what:28}{need.amount:>26}{need.usd:>14,.0f}  {need.why}")
    print(f"{'in all, US dollars a month':54}{sum(need.usd for need in lines):>14,.0f}")
    print(f"{'DynamoDB by request instead':54}{on_demand_usd(load):>14,.0f}")


if __name__ == "__main__":
    main()
