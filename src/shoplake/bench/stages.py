"""The stages of the benchmark: name, limit and target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from shoplake.bench.results import Measure
from shoplake.errors import UnknownName
from shoplake.streaming import worker_environment

Measuring = Callable[[int], Measure]
"""Measures with about so many events, in the process that calls it."""

Needs = Literal["nothing", "empty log", "log", "full lake", "full stores"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One row of the table.

    Attributes:
        name: what `--only` calls it.
        what: what is measured.
        limit: what is measured beside it; empty where there is nothing.
        needs: what has to be there before each measurement.
        aim: of two cores.
        aim_ratio: least share of the limit, where the aim says one.
        aim_rate: least events a second, where the aim says one.
        limit_is: whether the limit is measured, reckoned from the stages before, or there is none.
        aim_figures: other figures of the measurement, and the most that each may be.
        opt_in: only where it is asked for: it takes minutes.
        one_thread: polars gets one thread, so that the figures are of one core.
    """

    name: str
    what: str
    limit: str
    needs: Needs
    aim: str
    aim_ratio: float | None = None
    aim_rate: float | None = None
    limit_is: Literal["measured", "reckoned", "none"] = "measured"
    aim_figures: tuple[tuple[str, float], ...] = ()
    opt_in: bool = False
    one_thread: bool = False

    @property
    def environment(self) -> Mapping[str, str]:
        """What its processes, ours and the limit's, have in their environment: a sink's what its worker has."""
        return (
            worker_environment.ENVIRONMENT
            if self.sink or self.name == "read"
            else ONE_THREAD
            if self.one_thread
            else {}
        )

    @property
    def sink(self) -> str:
        """The sink that this stage is of, or nothing."""
        return self.name if self.name in SINK_LIMITS else ""


ONE_THREAD = {"POLARS_MAX_THREADS": "1"}
SINK_LIMITS = {
    "lake": "bare PyIceberg appends the same Arrow tables",
    "postgres": "bare COPY and upsert of the same folded rows",
    "dynamodb": "bare BatchWriteItem of the same items",
    "mongo": "bare bulk writes of the same documents",
    "redis": "bare pipelines that set the same values",
}
STORES = {"lake": "the lake", "postgres": "Postgres", "dynamodb": "DynamoDB", "mongo": "MongoDB", "redis": "Redis"}

EXACT = (("lost", 0.0), ("duplicated", 0.0), ("differing", 0.0))

STAGES = (
    Stage(
        "columns",
        "simulate to columns",
        "numpy fills as many columns with random bits",
        needs="nothing",
        aim="1M events/s on one core",
        aim_rate=1_000_000,
        one_thread=True,
    ),
    Stage(
        "encode",
        "encode columns to rows of JSON",
        "polars' write_ndjson of the same frames",
        needs="nothing",
        aim="0.8 of the limit",
        aim_ratio=0.8,
        one_thread=True,
    ),
    Stage(
        "publish",
        "generate into Kafka, transactional",
        "the same records, encoded beforehand, in bare idempotent batches",
        needs="empty log",
        aim="0.6 of the limit, 350,000 events/s",
        aim_ratio=0.6,
        aim_rate=350_000,
    ),
    Stage(
        "read",
        "Kafka to nothing: decode and validate",
        "bare getmany over the same topics",
        needs="log",
        aim="0.6 of the limit",
        aim_ratio=0.6,
    ),
    *(
        Stage(name, f"Kafka to {STORES[name]}", limit, needs="log", aim="0.7 of the limit", aim_ratio=0.7)
        for name, limit in SINK_LIMITS.items()
    ),
    Stage(
        "latency",
        "event to visible in Redis, at 5,000 events/s",
        "",
        needs="empty log",
        aim="p50 0.5 s, p99 2 s",
        aim_figures=(("p50_s", 0.5), ("p99_s", 2.0)),
        limit_is="none",
    ),
    Stage(
        "whole",
        "the whole path: generator and five sinks at once",
        "all processors do nothing but what the parts cost alone",
        needs="empty log",
        aim="100,000 events/s, 0 lost, 0 duplicated",
        aim_rate=100_000,
        aim_figures=EXACT,
        limit_is="reckoned",
    ),
    Stage(
        "verify",
        "verify",
        "DuckDB hashes every row of the same files and tables",
        needs="full stores",
        aim="10M events under 60 s in 1 GB",
        aim_rate=10_000_000 / 60,
        aim_figures=(*EXACT, ("peak_bytes", 1e9)),
    ),
    Stage(
        "warehouse",
        "build all tables of the warehouse, then of new events only",
        "one DuckDB statement hashes and counts every row of the same files",
        needs="full lake",
        aim="nothing new under 5 s, new events on ten times as many under 1.3 times, 2 GB",
        aim_figures=(("idle_s", 5.0), ("growth", 1.3), ("peak_bytes", 2e9)),
        opt_in=True,
    ),
    Stage(
        "demo",
        "up, and the demo cold and warm",
        "",
        needs="nothing",
        aim="up 15 s, cold 4 min, warm 60 s, stack 1.5 GB",
        aim_figures=(("up_s", 15.0), ("cold_s", 240.0), ("warm_s", 60.0), ("stack_bytes", 1.5e9)),
        limit_is="none",
        opt_in=True,
    ),
)


def named(names: str) -> list[Stage]:
    """Stages from a comma-separated list, in the order of the table; for an empty one, all that need no asking for.

    Raises:
        UsageError: one of them does not exist.
    """
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    known = [stage.name for stage in STAGES]
    if unknown := sorted(wanted - set(known)):
        raise UnknownName(f"--only: there is no stage '{unknown[0]}'", fix=f"choose from {', '.join(known)}")
    return [stage for stage in STAGES if (stage.name in wanted if wanted else not stage.opt_in)]


def ours(name: str) -> Measuring:
    """What measures a stage. Its libraries are imported here, where only it is measured."""
    match name:
        case "columns":
            from shoplake.bench.simulator import columns

            return columns
        case "encode":
            from shoplake.bench.simulator import encode

            return encode
        case "publish":
            from shoplake.bench.publishing import transactional

            return transactional
        case "read":
            from shoplake.bench.consuming import decoded

            return decoded
        case "latency":
            from shoplake.bench.latency import to_board

            return to_board
        case "whole":
            from shoplake.bench.end_to_end import generate_and_stream

            return generate_and_stream
        case "verify":
            from shoplake.bench.verifying import proven

            return proven
        case "warehouse":
            from shoplake.bench.marts import built

            return built
        case "demo":
            from shoplake.bench.demo import cold_and_warm

            return cold_and_warm
    from shoplake.bench.streaming import stream

    return partial(stream, name)


def limit(name: str) -> Measuring:
    """What measures the limit beside a stage."""
    match name:
        case "columns":
            from shoplake.bench.simulator import random_bits

            return random_bits
        case "encode":
            from shoplake.bench.simulator import write_ndjson

            return write_ndjson
        case "publish" | "read":
            from shoplake.bench import consuming, publishing

            return publishing.bare if name == "publish" else consuming.bare
        case "verify":
            from shoplake.bench.verifying import scanned

            return scanned
        case "warehouse":
            from shoplake.bench import marts

            return marts.scanned
    from shoplake.bench.streaming import bare

    return partial(bare, name)
