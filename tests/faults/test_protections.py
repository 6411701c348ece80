"""Each protection taken out of a running worker, the fault that it is for, and the damage that `verify` then reports.

The other files show that nothing happens while the protections are there; this one that it would be seen.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from shoplake import aws
from shoplake.failpoints import VARIABLE
from shoplake.streaming.worker import DEAD_LETTERS
from shoplake.verify import StoreResult

from . import worker_unprotected
from .aws_proxy import aws_proxy, partly
from .fault_stack import Lab
from .stores import Stores

pytestmark = [pytest.mark.stack, pytest.mark.fault]

UNPROTECTED = str(Path(worker_unprotected.__file__))
# So large that each has events of every kind: to repeat registrations does no harm, to repeat payments does.
BATCH = 2_000
# So small that items of one batch change again in the next: else a zombie puts back what is there.
SMALL_BATCH = 500
# So large that it holds what counts: orders count nothing in DynamoDB, and in MongoDB only reviews do.
LARGE_BATCH = 50_000
FEW = 0.3
# A frozen worker may hold only items that never change again, or find its connection closed and begin anew: no harm.
TRIES = 3


@dataclass(frozen=True)
class Case:
    """A sink without one of its protections, and what then happens to it.

    Attributes:
        fault: a failpoint and what it does there: `kill` crashes and starts again, `raise` loses an answer, `stop`
            freezes until another worker has taken over; or `unprocessed`, a store that takes a part.
        batch: events per batch.
    """

    sink: str
    without: str
    fault: str
    batch: int = BATCH

    def __str__(self) -> str:
        return f"{self.sink} without {self.without}, {self.fault}"


CASES = (
    Case("postgres", "offset-first", "postgres.write.before=kill:2"),
    Case("postgres", "blind-retry", "postgres.commit.after=raise:2"),
    Case("postgres", "fence", "postgres.write.before=stop:2"),
    Case("redis", "script-checks", "redis.commit.after=raise:3"),
    Case("redis", "script-checks", "redis.commit.before=stop:3"),
    Case("lake", "blind-retry", "lake.commit.after=raise:8"),
    Case("lake", "rebased-commits", "lake.commit.before=stop:8"),
    Case("dynamodb", "folded-offsets", "dynamodb.checkpoint.before=kill:1", LARGE_BATCH),
    Case("dynamodb", "conditions", "dynamodb.write.before=stop:3", SMALL_BATCH),
    Case("dynamodb", "unprocessed-items", "unprocessed"),
    Case("mongo", "folded-offsets", "mongo.checkpoint.before=kill:1", LARGE_BATCH),
    Case("mongo", "conditions", "mongo.write.before=stop:3", SMALL_BATCH),
)


@pytest_asyncio.fixture(scope="module")
async def damage(lab: Lab) -> AsyncIterator[dict[Case, StoreResult]]:
    """What `verify` says after each case, tried until it sees harm: sinks side by side, each with stores of its own."""
    await lab.log_of(lab.tier.small_log)
    found: dict[Case, StoreResult] = {}

    async def one_after_the_other(sink: str) -> None:
        for case in [case for case in CASES if case.sink == sink]:
            for _ in range(TRIES):
                async with lab.stores(sink) as stores:
                    await suffer(lab, case, stores)
                    (found[case],) = await lab.verify(stores, [sink])
                if not found[case].ok:
                    break

    await asyncio.gather(*map(one_after_the_other, {case.sink for case in CASES}))
    yield found


@pytest.mark.row(0)
@pytest.mark.parametrize("case", CASES, ids=str)
async def test_verify_reports_the_damage_of_a_sink_without_protection(
    damage: dict[Case, StoreResult], case: Case
) -> None:
    assert not damage[case].ok, f"{case}: verify found no harm in {damage[case].found} rows"


async def suffer(lab: Lab, case: Case, stores: Stores) -> None:
    wrapper = (UNPROTECTED, case.without)
    if case.fault == "unprocessed":
        with aws_proxy(aws.endpoint_url() or "", lab.seed) as between:
            between.add(partly(FEW, between.chance), "BatchWriteItem")
            through = {"AWS_ENDPOINT_URL": between.url}
            await to_the_end(lab, case.sink, stores, wrapper, through)
        return
    armed = {VARIABLE: case.fault}
    if "=stop" in case.fault:
        await wake_up_too_late(lab, case, stores, wrapper, armed)
    elif "=kill" in case.fault:
        async with lab.worker(case.sink, stores, armed, batch=case.batch, wrapper=wrapper) as worker:
            assert await worker.ended() == -signal.SIGKILL, str(worker)
        await to_the_end(lab, case.sink, stores, wrapper)
    else:
        await to_the_end(lab, case.sink, stores, wrapper, armed)


async def to_the_end(
    lab: Lab, sink: str, stores: Stores, wrapper: tuple[str, ...], environment: dict[str, str] | None = None
) -> None:
    async with lab.worker(sink, stores, environment, batch=BATCH, until_caught_up=True, wrapper=wrapper) as worker:
        assert await worker.ended() == 0, str(worker)


async def wake_up_too_late(
    lab: Lab, case: Case, stores: Stores, wrapper: tuple[str, ...], armed: dict[str, str]
) -> None:
    """A sound worker takes over and finishes; then the frozen one writes what it had in its hands."""
    async with lab.worker(case.sink, stores, armed, batch=case.batch, wrapper=wrapper) as frozen:
        await frozen.stopped()
        async with lab.worker(case.sink, stores, batch=case.batch) as heir:
            await heir.caught_up()
        before, frozen.state = frozen.applied, ""  # by now all that it reported before is read
        frozen.send(signal.SIGCONT)
        # It wrote what it held, and then: goes on, is refused for good, or is back in its group and finds all done.
        await frozen.until(
            lambda worker: worker.applied > before or worker.failure != "" or worker.state == "caught up",
            "what it held was written or refused",
        )
        if frozen.failure:
            assert "epoch" in frozen.failure or "holds" in frozen.failure, str(frozen)


@pytest.mark.row(0, late=True)
async def test_verify_reports_the_damage_of_a_publisher_without_transactions(lab: Lab) -> None:
    """It is killed when its events are in the log, and the record of how far it is is not."""
    published = await lab.log_of(lab.tier.small_log)
    before = await counts(lab, "log")
    armed = {VARIABLE: "publish.checkpoint.before=kill:1"}
    program = (UNPROTECTED, "transactions")
    async with lab.publisher(published + 4_000, armed, program=program) as publisher:
        assert await asyncio.wait_for(publisher.wait(), 60) == -signal.SIGKILL
    async with lab.publisher(published + 4_000, program=program) as publisher:
        assert await asyncio.wait_for(publisher.wait(), 60) == 0
    after = await counts(lab, "log")
    assert after.duplicated > before.duplicated


@pytest.mark.row(0, late=True)
async def test_verify_reports_the_damage_of_dead_letters_without_transactions(lab: Lab) -> None:
    await lab.log_of(lab.tier.small_log)
    async with lab.stores() as stores:
        armed = {VARIABLE: "dead-letters.checkpoint.before=kill:1"}
        wrapper = (UNPROTECTED, "transactions")
        await lab.finish(DEAD_LETTERS, stores)
        await lab.log_of(await lab.published() + 4_000)
        async with lab.worker(DEAD_LETTERS, stores, armed, wrapper=wrapper) as worker:
            assert await worker.ended() == -signal.SIGKILL, str(worker)
        await lab.finish(DEAD_LETTERS, stores)
    assert (await counts(lab, "dead_letters")).duplicated > 0


async def counts(lab: Lab, name: str) -> StoreResult:
    async with lab.stores() as stores:
        (found,) = await lab.verify(stores, [name])
    return found
