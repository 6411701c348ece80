"""The state of the platform, every two seconds: what each topic and each store has, how fast it grows, what is behind.

One sampler serves all browsers. It works only while a browser listens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, TypeAlias

from shoplake.errors import ShoplakeError

if TYPE_CHECKING:
    from shoplake.settings import Settings

PUBLISHER = "jobs.generate"
EVERY_S = 2.0
WITHIN_S = 5.0
LISTENERS = 100
State: TypeAlias = Literal["down", "behind", "working", "idle"]
"""`down`: it does not answer. `behind`: it has records to read and does not grow. `idle`: it has everything."""


@dataclass(frozen=True, slots=True)
class Node:
    """One box of the picture.

    Attributes:
        name: of a topic or a job on the map: `kafka.orders`, `jobs.sink-redis`.
        total: offsets that it has, as of the log.
        rate: offsets per second since the last sample; None in the first.
        lag: records that it has not read.
        problem: why it does not answer; empty if it does.
    """

    name: str
    state: State
    total: int = 0
    rate: float | None = None
    lag: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The platform at one time.

    Attributes:
        at_ms: milliseconds since 1970.
        topics, sinks: each with its name on the map.
        publisher: what all topics have together.
        warehouse: state and time of its newest run, for people; empty if it never ran.
        servers: name -> state.
        memory: name of a server or a command in the background -> resident bytes.
        problem: why the log could not be read; then there are no topics and sinks.
    """

    at_ms: int
    topics: list[Node] = field(default_factory=list)
    sinks: list[Node] = field(default_factory=list)
    publisher: Node | None = None
    warehouse: str = ""
    servers: dict[str, str] = field(default_factory=dict)
    memory: dict[str, int] = field(default_factory=dict)
    problem: str = ""


def sample(settings: Settings, before: Sample | None = None) -> Sample:
    """Look at the platform once. It never raises for a server that is down: the sample says so."""
    from shoplake import background, stack
    from shoplake.sinks import SINKS
    from shoplake.streaming.lag import lags
    from shoplake.streaming.worker import DEAD_LETTERS

    now_ms = time.time_ns() // 1_000_000
    servers: dict[str, str] = {}
    memory = {one.name: one.rss_bytes for one in background.all_of_them() if one.state == "running"}
    if settings.environment == "local":
        try:
            found = stack.status()
            servers = {one.name: one.state for one in found.servers}
            memory |= {one.name: one.rss_bytes for one in found.servers if one.rss_bytes}
        except ShoplakeError as error:
            return Sample(now_ms, problem=error.message)
    try:
        read = asyncio.run(lags(settings, (*SINKS, DEAD_LETTERS), within_s=WITHIN_S))
    except ShoplakeError as error:
        return Sample(now_ms, servers=servers, memory=memory, problem=error.message)
    ends: dict[str, dict[int, int]] = {}
    for one in read:
        for part in one.partitions:
            ends.setdefault(part.partition[0], {})[part.partition[1]] = part.end
    seconds = (now_ms - before.at_ms) / 1000 if before else 0.0
    known = {one.name: one.total for one in (*before.topics, *before.sinks)} if before else {}
    if before and before.publisher:
        known[PUBLISHER] = before.publisher.total

    def node(name: str, total: int, lag: int, problem: str) -> Node:
        rate = max(0.0, (total - known[name]) / seconds) if name in known and seconds > 0 else None
        state: State = "down" if problem else "working" if rate else "behind" if lag else "idle"
        return Node(name, state, total, rate, lag, problem)

    topics = [node(f"kafka.{topic}", sum(parts.values()), 0, "") for topic, parts in sorted(ends.items())]
    return Sample(
        now_ms,
        topics,
        [node(_job(one.name), sum(p.next_offset for p in one.partitions), one.lag, one.problem) for one in read],
        node(PUBLISHER, sum(one.total for one in topics), 0, ""),
        _newest_build(settings.environment),
        servers,
        memory,
    )


def _newest_build(environment: str) -> str:
    from shoplake import run_log

    newest = run_log.newest(("warehouse",), environment)
    if newest is None:
        return ""
    done = {"START": "builds since", "COMPLETE": "built", "FAIL": "failed", "ABORT": "stopped"}[newest.state]
    return f"{done} {datetime.fromtimestamp(newest.time_ms / 1000, UTC):%H:%M} UTC"


def _job(sink: str) -> str:
    return "jobs.dead-letter-router" if sink == "dead-letters" else f"jobs.sink-{sink}"


class Sampler:
    """Takes a sample every two seconds while someone listens, and gives it to all listeners."""

    def __init__(self, take: Callable[[Sample | None], Awaitable[Sample]]) -> None:
        """Make a sampler.

        Args:
            take: makes a sample, given the one before; a coroutine function.
        """
        self._take = take
        self._newest: Sample | None = None
        self._changed = asyncio.Condition()
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None

    async def samples(self) -> AsyncIterator[Sample]:
        """Each new sample, the newest at once.

        Raises:
            ShoplakeError: too many browsers listen.
        """
        if self._listeners >= LISTENERS:
            raise ShoplakeError(f"{LISTENERS} browsers listen already", fix="close some of the pages")
        self._listeners += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        try:
            seen: Sample | None = None
            while True:
                async with self._changed:
                    while self._newest is None or self._newest is seen:
                        await self._changed.wait()
                    seen = self._newest
                yield seen
        finally:
            self._listeners -= 1

    async def _run(self) -> None:
        while self._listeners:
            found = await self._take(self._newest)
            async with self._changed:
                self._newest = found
                self._changed.notify_all()
            await asyncio.sleep(EVERY_S)
        self._newest = None  # a rate over the time without listeners would mean nothing
