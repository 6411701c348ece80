"""How much of each fault. Tiers: quick (`shoplake test`), ci (`.ci/run`), small (GitHub), large (a release)."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Tier:
    """Counts, by row of the table of faults in docs/reliability.md.

    Attributes:
        small_log: events in the log of the rows that need no more.
        large_log: events in the log while sinks and publisher are killed.
        transactional_kills: of the lake's and Postgres's sink, each.
        keyed_kills: of DynamoDB's, MongoDB's and Redis's sink, each.
        publisher_kills: of the publisher.
        crashes: at each failpoint.
        zombies: per sink.
        joins: workers that join or leave.
        kafka_kills, postgres_kills, redis_wipes, emulator_wipes, log_losses: how often a server loses its life or data.
        network_faults: how often each fault is put before each store.
        lost_answers: per store.
        commits: per concurrent writer of the lake; `writers` of them; `failed_commits` are answered by 5xx.
        throttled_batches: batches written to a DynamoDB that throttles.
        throttled_workers: how many share them; each spends most of its time waiting before it tries again.
        redelivered: events that come up to five times.
        poison, poisoned: so many broken events in so many.
        foreign: records of other programs in each topic at random, after one of each kind.
        at_limits: events at the stores' limits, and half as many that are beyond them.
        terminations: SIGTERM, per sink.
        finish_s: bound for bringing the log, or a store, to its end.
        overload_s: how long the input is three times what the sink takes.
    """

    name: str
    small_log: int
    large_log: int
    transactional_kills: int
    keyed_kills: int
    publisher_kills: int
    crashes: int
    zombies: int
    joins: int
    kafka_kills: int
    postgres_kills: int
    redis_wipes: int
    emulator_wipes: int
    log_losses: int
    network_faults: int
    lost_answers: int
    writers: int
    commits: int
    failed_commits: int
    throttled_batches: int
    throttled_workers: int
    redelivered: int
    poison: int
    poisoned: int
    foreign: int
    at_limits: int
    terminations: int
    overload_s: int
    finish_s: float


SMALL = Tier(
    name="small",
    small_log=20_000,
    large_log=100_000,
    transactional_kills=20,
    keyed_kills=10,
    publisher_kills=10,
    crashes=1,
    zombies=3,
    joins=5,
    kafka_kills=2,
    postgres_kills=3,
    redis_wipes=1,
    emulator_wipes=1,
    log_losses=1,
    network_faults=1,
    lost_answers=3,
    writers=2,
    commits=10,
    failed_commits=5,
    throttled_batches=100,
    throttled_workers=1,
    redelivered=10_000,
    poison=100,
    poisoned=10_000,
    foreign=0,
    at_limits=200,
    terminations=5,
    overload_s=60,
    finish_s=300,
)
LARGE = Tier(
    name="large",
    small_log=100_000,
    large_log=1_000_000,
    transactional_kills=200,
    keyed_kills=100,
    publisher_kills=100,
    crashes=10,
    zombies=50,
    joins=100,
    kafka_kills=20,
    postgres_kills=50,
    redis_wipes=10,
    emulator_wipes=10,
    log_losses=10,
    network_faults=20,
    lost_answers=100,
    writers=8,
    commits=100,
    failed_commits=50,
    throttled_batches=10_000,
    throttled_workers=6,
    redelivered=1_000_000,
    poison=10_000,
    poisoned=1_000_000,
    foreign=1_000,
    at_limits=20_000,
    terminations=100,
    overload_s=600,
    finish_s=3600,
)
# Rows 1 to 3 only: a log that is long enough for one kill of each sink.
QUICK = replace(SMALL, name="quick", large_log=20_000, transactional_kills=1, keyed_kills=1)
# As small, with fewer of what starts a process again: each life of a sink takes some seconds of processor time.
CI = replace(
    SMALL,
    name="ci",
    large_log=40_000,
    transactional_kills=3,
    keyed_kills=2,
    publisher_kills=3,
    zombies=1,
    joins=3,
    kafka_kills=1,
    postgres_kills=2,
    lost_answers=2,
    redelivered=4_000,
    terminations=2,
    overload_s=30,
)
TIERS = {tier.name: tier for tier in (QUICK, CI, SMALL, LARGE)}
