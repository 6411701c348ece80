"""The stages of the demo. Each is timed, and independent stages overlap."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shoplake import environments, run_log, stack
from shoplake.demo.questions import Answer, ask
from shoplake.errors import ShoplakeError
from shoplake.infra import runner, stack_inputs
from shoplake.publish.kafka import publish
from shoplake.publish.progress_records import progress_of
from shoplake.publish.run import Run, load_scenario
from shoplake.sinks import SINKS
from shoplake.stack import external
from shoplake.streaming.catch_up import until_caught_up
from shoplake.streaming.supervisor import stream
from shoplake.streaming.worker import DEAD_LETTERS
from shoplake.verify import verify

if TYPE_CHECKING:
    from shoplake.quality import Summary
    from shoplake.settings import Settings
    from shoplake.streaming.supervisor import Watch, WorkerView
    from shoplake.verify import Report

Say = Callable[[str], None]
POLL_S = 0.1
SAY_EVERY_S = 10.0
SINKS_TIMEOUT_S = 600
STAGES = ("up", "apply", "generate", "stream", "verify", "warehouse", "quality")
FIRST_PROOF = "first_proof"
FIRST_EVENTS = 20_000
"""Number of events of a new shop that go through all stages first, for an early proof."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What verify found, and the answers of the stores if all of them are exact.

    Attributes:
        events: the number of events in the log.
    """

    events: int
    report: Report
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a demo did.

    Attributes:
        events: how many this run put into the log.
        seconds: by stage, and `total`; `apply` overlaps the stages after it, so the parts add up to more. A new shop
            goes through generate, stream and verify twice. `first_proof` is the time from the start until verify first
            found every store exact; absent if it did not.
        quality: the results of the checks; only with a warehouse.
    """

    events: int
    report: Report
    seconds: dict[str, float]
    quality: Summary | None = None

    def as_json(self) -> dict[str, object]:
        """The line for machines."""
        return {
            "events": self.events,
            "ok": self.report.ok,
            "seconds": {name: round(seconds, 2) for name, seconds in self.seconds.items()},
            "stores": self.report.as_json(),
            **({} if self.quality is None else {"quality": self.quality.as_json()}),
        }


@dataclass
class _Clock:
    begun: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - begun

    def first_proof(self) -> None:
        """Seconds since the start, the first time."""
        self.seconds.setdefault(FIRST_PROOF, time.monotonic() - self.begun)

    def result(self) -> dict[str, float]:
        ordered = {name: self.seconds[name] for name in (*STAGES, FIRST_PROOF) if name in self.seconds}
        return {**ordered, "total": time.monotonic() - self.begun}


def demo(
    scenario: str,
    seed: int,
    events: int,
    say: Say,
    start: Callable[[Say], object] = stack.ensure,
    proved: Callable[[Proof], object] = lambda _: None,
    build_warehouse: Callable[[Settings, Say], Answer] | None = None,
    check_quality: Callable[[Settings, Say], Summary] | None = None,
) -> Outcome:
    """Run all stages on the local stack.

    Each run adds `events` events to the shop; one that was interrupted is finished by the next. In a new shop the first
    `FIRST_EVENTS` go all the way before the rest does: their proof comes while Terraform still works.

    Terraform may still work after the proof: the AWS provider waits a fixed 80 s for the emulator's RDS, which no
    other stage needs.

    Args:
        scenario: name of a shipped scenario, or path of a file.
        seed: of the scenario.
        events: to add to the shop.
        say: called with each step, a line at a time.
        start: brings the stack up.
        proved: called with each proof as soon as it is there: of a new shop's first events, of all, of the warehouse.
        build_warehouse: builds the warehouse if every store is exact, and asks it a question.
        check_quality: checks all datasets at the end, if every store is exact.

    Raises:
        ShoplakeError: of the stage that failed, or of the apply, if that failed by itself before; what was done stays,
            and the next run goes on from there.
    """
    shop = load_scenario(scenario)
    clock = _Clock()
    with clock.stage("up"):
        start(say)
        environments.prepare_stack()
    with _applying(clock, say) as applied:
        published = asyncio.run(_published(Run(shop, seed, events)))
        for end in next_ends(events, published):
            with clock.stage("generate"):
                say(f"simulating and publishing up to event {end:,}")
                _publish(Run(shop, seed, end), published or 0)
                published = end
            applied.wait_until_usable()
            settings = environments.connect()
            with clock.stage("stream"):
                _fill(settings, say)
            with clock.stage("verify"):
                report = asyncio.run(verify(settings, progress=say))
            if report.ok:
                clock.first_proof()
            proved(Proof(end, report, ask(settings) if report.ok else ()))
            if not report.ok:
                break
        if build_warehouse is not None and report.ok:
            with clock.stage("warehouse"):
                answer = build_warehouse(settings, say)
                of_gold = asyncio.run(verify(settings, ["warehouse"], progress=say))
            proved(Proof(end, of_gold, (answer,)))
            report = report.joined(of_gold)
        quality = None
        if check_quality is not None and report.ok:
            with clock.stage("quality"):
                quality = check_quality(settings, say)
        applied.wait(say)
    return Outcome(events, report, clock.result(), quality)


def _fill(settings: Settings, say: Say) -> None:
    """Stream into the stores, or wait for those who do where the stack is somebody else's."""
    if not external.exists():
        say(f"streaming into {', '.join(SINKS)}")
        asyncio.run(stream(SINKS, until_caught_up=True, watch=_seldom(say)))
        return
    say(f"waiting for the sinks of {', '.join(SINKS)}")
    groups = [f"{settings.kafka.group_prefix}-{name}" for name in (*SINKS, DEAD_LETTERS)]
    told = functools.partial(_tell_lag, say)
    asyncio.run(until_caught_up(settings.kafka, groups, timeout_s=SINKS_TIMEOUT_S, watch=told))


def _seldom(say: Say) -> Watch:
    """A watcher of workers that says how far each is, now and then."""
    said_at = time.monotonic()

    def watch(views: Sequence[WorkerView]) -> None:
        nonlocal said_at
        if time.monotonic() - said_at >= SAY_EVERY_S:
            said_at = time.monotonic()
            say("; ".join(f"{view} {view.progress.applied:,}, {view.progress.lag:,} behind" for view in views))

    return watch


def _tell_lag(say: Say, lags: Mapping[str, int]) -> None:
    say(", ".join(f"{group.removeprefix('shoplake-')} {lag:,} behind" for group, lag in lags.items() if lag))


def _publish(run: Run, before: int) -> None:
    with run_log.recording("generate", environment=environments.LOCAL) as results:
        done = asyncio.run(publish(environments.kafka_cluster(), run))
        results["generate"].counts = {"events": done.events - before}


async def _published(first: Run) -> int | None:
    """Number of events of this shop in the log; None if its publisher has never run."""
    done = await progress_of(environments.kafka_cluster(), first.publisher)
    return None if done is None else done.events


def next_ends(events: int, published: int | None) -> list[int]:
    """Up to which events of the shop a demo goes, with a proof at each.

    The last is the next multiple of `events`: a new share of the shop, or the rest of an unfinished one. In a new shop
    with at least twice `FIRST_EVENTS` there is a proof after these.
    """
    end = ((published or 0) // events + 1) * events
    return [FIRST_EVENTS, end] if published is None and events >= 2 * FIRST_EVENTS else [end]


class _Apply:
    """Terraform in a thread; what programs use is there long before its last resource is."""

    def __init__(self) -> None:
        self.usable = threading.Event()
        self.cancel = threading.Event()
        self._outstanding: Collection[str] = ()
        self._result: Future[object] = Future()

    def begin(self, pool: ThreadPoolExecutor, clock: _Clock, say: Say) -> None:
        inputs = stack_inputs.of(environments.LOCAL, stack)

        def apply() -> object:
            with clock.stage("apply"):
                return runner.apply(
                    environments.LOCAL,
                    variables=inputs.variables,
                    environment=inputs.environment,
                    report=lambda line: say(f"terraform: {line}"),
                    ready=self.usable,
                    outstanding=self._set_outstanding,
                    cancel=self.cancel,
                )

        self._result = pool.submit(apply)

    def wait_until_usable(self) -> None:
        while not self.usable.wait(POLL_S):
            if self._result.done():
                self._result.result()
                return

    def wait(self, say: Say) -> None:
        """Wait for the end, and name what Terraform still waits for."""
        if not self._result.done() and (left := sorted(self._outstanding)):
            say(f"Terraform still works on {', '.join(left)}. {_why(left)}")
            say("Ctrl-C is safe: the next demo goes on from there")
        while not self._result.done():
            time.sleep(POLL_S)
        self._result.result()

    def raise_own_error(self) -> None:
        """Raise what made the apply fail, unless it has not failed, or was told to stop."""
        if self._result.done() and not self.cancel.is_set():
            self._result.result()

    def _set_outstanding(self, addresses: Collection[str]) -> None:
        self._outstanding = addresses


def _why(addresses: Sequence[str]) -> str:
    if not all(address.startswith(runner.SLOW_AND_UNREAD) for address in addresses):
        return ""
    return "The AWS provider waits a fixed 80 s for RDS, which no program here reads."


@contextlib.contextmanager
def _applying(clock: _Clock, say: Say) -> Iterator[_Apply]:
    """Terraform beside the block. A stage that fails after the apply has failed by itself is not the cause."""
    applied = _Apply()
    with ThreadPoolExecutor(1, thread_name_prefix="terraform") as pool:
        applied.begin(pool, clock, say)
        try:
            yield applied
        except ShoplakeError:
            applied.raise_own_error()
            applied.cancel.set()
            raise
        except BaseException:
            applied.cancel.set()  # Terraform saves its state and ends; the pool waits for that
            raise
