"""Processes on one store, run by hand: each of their requests goes on, hangs, gets lost or dies when the schedule says.

Every await of a sink is a request that waits at the store's door, or an answer on its way back. Nothing else decides
what comes when, so that a schedule repeats exactly.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shoplake.errors import Backpressure, Fenced, Misplaced, StoreUnavailable
from shoplake.sinks import keyed
from shoplake.sinks.base import Batch, OffsetRange, Sink, TopicPartition

from .small_log import Log, batch_of

PARTITIONS = (TopicPartition("clicks", 0), TopicPartition("clicks", 1))
EVENTS = 6
# One session is everybody's: its events come from both partitions.
LOG: Log = {
    p: [("product_viewed", {"session_id": "s9" if n % 3 == 2 else f"s{p.partition}"}) for n in range(EVENTS)]
    for p in PARTITIONS
}
PROCESSES = 3
S = TypeVar("S")


class _Request:
    """An await that the schedule ends."""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def pause(*_: object) -> None:
    """What a sink awaits before a request reaches the store, and before the answer comes back."""
    await _Request()


@cache
def piece(ranges: tuple[tuple[TopicPartition, int, int], ...]) -> Batch:
    """A batch of the log; the same ones come again and again."""
    return batch_of(LOG, {p: OffsetRange(start, stop) for p, start, stop in ranges})


class Process:
    """One worker: what it believes it owns, where it believes it stands, and the call that it is in."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.owner: dict[TopicPartition, int] = {}
        self.at: dict[TopicPartition, int] = {}
        self._call: Callable[[], Coroutine[Any, Any, Any]] | None = None
        self._then: Callable[[Any], None] = lambda _: None
        self._running: Coroutine[Any, Any, Any] | None = None

    @property
    def idle(self) -> bool:
        """Whether it waits for nothing."""
        return self._call is None

    def open(self, partitions: Sequence[TopicPartition]) -> None:
        """Begin to take over."""

        def opened(found: Mapping[TopicPartition, Any]) -> None:
            self.owner = {p: checkpoint.epoch for p, checkpoint in found.items()}
            self.at = {p: checkpoint.next_offset for p, checkpoint in found.items()}

        self.begin(lambda: self.sink.open(partitions), opened)

    def apply(self, size: int, again: int) -> None:
        """Begin to apply the next events, and some before them again."""
        ranges = tuple(
            (p, max(0, at - again), min(EVENTS, at + size)) for p, at in sorted(self.at.items()) if at < EVENTS
        )
        if ranges:
            batch, owner = piece(ranges), dict(self.owner)
            moved = {p: stop for p, _, stop in ranges}
            self.begin(lambda: self.sink.apply(batch, owner), lambda _: self.at.update(moved))

    def begin(self, call: Callable[[], Coroutine[Any, Any, Any]], then: Callable[[Any], None]) -> None:
        """Be in a call; it goes on with `step`."""
        self._call, self._then, self._running = call, then, call()

    def step(self, error: Exception | None = None) -> None:
        """Go on to the next await, or let the one that it is at raise; a call that may be called again is."""
        if self._running is None or self._call is None:
            return
        try:
            if error is not None and self._running.cr_frame is not None and self._running.cr_suspended:
                self._running.throw(error)
            else:
                self._running.send(None)
        except StopIteration as done:
            self._call = self._running = None
            self._then(done.value)
        except (StoreUnavailable, Backpressure):
            self._running = self._call()
        except (Fenced, Misplaced):
            self._call = self._running = None
            self.owner, self.at = {}, {}

    def finish(self) -> None:
        """Go on until it waits for nothing."""
        for _ in range(10_000):
            if self.idle:
                return
            self.step()
        raise AssertionError("a call never ends, though nobody disturbs it")

    def die(self) -> None:
        """As by kill -9."""
        if self._running is not None:
            self._running.close()
        self._call = self._running = None


class Schedules(RuleBasedStateMachine, Generic[S]):
    """What may happen to three processes on one store; after each thing the store has to be in order."""

    processes = st.integers(0, PROCESSES - 1)

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(keyed, "asyncio", SimpleNamespace(sleep=pause))
        self.store = self.make_store()
        self.earlier = copy.deepcopy(self.store)
        self.running = [Process(self.make_sink()) for _ in range(PROCESSES)]
        self.zombies: list[Process] = []

    def make_store(self) -> S:
        """An empty store."""
        raise NotImplementedError

    def make_sink(self) -> Sink:
        """One more process on it."""
        raise NotImplementedError

    def check(self) -> None:
        """What holds at every moment."""
        raise NotImplementedError

    def check_end(self) -> None:
        """What holds when all of the log was applied."""
        raise NotImplementedError

    @rule(number=processes, steps=st.integers(1, 5), size=st.integers(1, 4), again=st.sampled_from([0, 0, 1, 3]))
    def go_on(self, number: int, steps: int, size: int, again: int) -> None:
        """Some requests further; who waits for nothing begins the next thing."""
        process = self.running[number]
        if process.idle and process.at:
            process.apply(size, again)
        elif process.idle:
            process.open(PARTITIONS)
        for _ in range(steps):
            process.step()

    @rule(number=processes)
    def go_on_to_the_end_of_the_call(self, number: int) -> None:
        self.running[number].finish()

    @rule(number=processes, partitions=st.sampled_from([PARTITIONS[:1], PARTITIONS[1:], PARTITIONS]))
    def take_over(self, number: int, partitions: Sequence[TopicPartition]) -> None:
        if self.running[number].idle:
            self.running[number].open(partitions)
            self.running[number].finish()

    @rule(number=processes, what=st.sampled_from(["lose the answer", "kill", "freeze"]))
    def disturb(self, number: int, what: str) -> None:
        process = self.running[number]
        if what == "lose the answer":
            process.step(StoreUnavailable("no answer"))
            return
        if what == "kill":
            process.die()
        else:
            self.zombies.append(process)
        self.running[number] = Process(self.make_sink())

    @rule(back=st.booleans())
    def back_up_or_set_back(self, back: bool) -> None:
        """A server that dies comes back without its last writes, and what was asked of it gets no answer."""
        if not back:
            self.earlier = copy.deepcopy(self.store)
        elif self.may_go_back():
            vars(self.store).update(vars(copy.deepcopy(self.earlier)))
            for process in (*self.running, *self.zombies):
                process.step(StoreUnavailable("the server died"))

    def may_go_back(self) -> bool:
        """Whether a server that dies now may be set back to what it was at the last back-up."""
        return True

    @invariant()
    def is_in_order(self) -> None:
        self.check()

    def bring_to_the_end(self) -> None:
        """One process more, which nobody disturbs."""
        last = Process(self.make_sink())
        last.open(PARTITIONS)
        last.finish()
        while any(at < EVENTS for at in last.at.values()):
            last.apply(EVENTS, 0)
            last.finish()

    def teardown(self) -> None:
        try:
            self.bring_to_the_end()
            for process in (*self.running, *self.zombies):
                process.finish()
            self.check()
            self.bring_to_the_end()  # one of them may have begun to rebuild the store
            self.check_end()
        finally:
            self.patch.undo()
