"""What every store of the API has: limits around each call, and a bounded wait for positions."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, ClassVar, TypeVar

from shoplake.api.breaker import CircuitBreaker
from shoplake.api.parameters import AtLeast
from shoplake.errors import NotYetApplied, StoreDown, TooManyRequests
from shoplake.positions import Place, Positions

T = TypeVar("T")

CALL_S = 6.0
"""Time limit of one call, above the limits of the clients, whose messages say more."""
CALLS_AT_ONCE = 128
FIRST_POLL_S, LONGEST_POLL_S = 0.02, 0.25
WAITERS = 128
"""Requests that wait for positions of one store. More are refused."""
RECENT_S = 0.1
"""Positions may be read this long before the data: what they say is in the data then, too."""
REBUILD = "rebuild-0"


class Store(ABC):
    """A store that is read for requests, in one event loop.

    Attributes:
        name: as in `SINKS`.
        errors: of its client: the store does not answer.
    """

    name: ClassVar[str]
    errors: ClassVar[tuple[type[Exception], ...]]

    def __init__(self) -> None:
        self.breaker = CircuitBreaker()
        self._no_answer: tuple[type[Exception], ...] = (TimeoutError, *self.errors)
        self._calls = 0
        self._waiters = 0
        self._recent = (float("-inf"), Positions())

    @abstractmethod
    async def positions(self) -> Positions:
        """Up to where the store has applied the log, in all topics.

        Raises:
            StoreDown: it does not answer.
        """

    @abstractmethod
    async def ping(self) -> None:
        """Check that the store answers.

        Raises:
            StoreDown: it does not.
        """

    @abstractmethod
    async def open(self) -> None:
        """Make the client. The store need not answer yet."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""

    async def as_of(self, topics: Collection[str], wanted: AtLeast) -> Positions:
        """Read the positions of some topics before their data is read, and wait for `at_least`.

        Raises:
            NotYetApplied: the store did not reach them in time.
            StoreDown: it does not answer.
        """
        relevant = wanted.positions.of_topics(topics)
        found = (await self._recent_positions()).of_topics(topics)
        return found if not found.behind(relevant) else await self._reached(topics, relevant, wanted.wait_s)

    async def wait(self, topics: Collection[str], wanted: AtLeast) -> None:
        """Wait for `at_least` only, if the data is read together with its positions.

        Positions in other topics are of no matter: nothing in them can change the answer.
        """
        if wanted.positions.of_topics(topics).next_offsets:
            await self.as_of(topics, wanted)

    async def _recent_positions(self) -> Positions:
        """Positions of the last tenth of a second, so that many requests cost one read of them."""
        read_at, found = self._recent
        now = time.monotonic()
        if now - read_at > RECENT_S:
            found = await self.positions()
            self._recent = (now, found)
        return found

    async def _reached(self, topics: Collection[str], wanted: Positions, wait_s: float) -> Positions:
        if self._waiters >= WAITERS:
            raise TooManyRequests(f"{WAITERS} requests wait for {self.name}", fix="ask again", retry_after_s=1)
        self._waiters += 1
        try:
            deadline, pause_s = time.monotonic() + wait_s, FIRST_POLL_S
            while (left_s := deadline - time.monotonic()) > 0:
                await asyncio.sleep(min(pause_s, left_s))
                pause_s = min(LONGEST_POLL_S, pause_s * 1.5)
                found = (await self.positions()).of_topics(topics)
                if not found.behind(wanted):
                    return found
        finally:
            self._waiters -= 1
        found = (await self.positions()).of_topics(topics)
        if not (behind := found.behind(wanted)):
            return found
        raise NotYetApplied(
            f"{self.name} has not applied {', '.join(map(str, behind[:10]))} up to `at_least` within {wait_s:g} s",
            fix="ask again, with a longer `wait_s`; `shoplake lag` shows whether the sink runs",
            retry_after_s=1,
            store=self.name,
            missing={str(p): {"wanted": wanted.next_offsets[p], "found": found.next_offsets.get(p, 0)} for p in behind},
        )

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run one call to the store, within the limits of time and number, and behind the breaker.

        Raises:
            StoreDown: the store does not answer, or did not a moment ago.
            TooManyRequests: as many calls as allowed are running.
        """
        if (after_s := self.breaker.refusal_s()) is not None:
            raise StoreDown(f"{self.name} does not answer", fix=_FIX, retry_after_s=after_s, store=self.name)
        if self._calls >= CALLS_AT_ONCE:
            self.breaker.abandoned()
            raise TooManyRequests(f"{self.name} has {CALLS_AT_ONCE} calls to answer", fix="ask again", retry_after_s=1)
        self._calls += 1
        try:
            async with asyncio.timeout(CALL_S):
                result = await work()
        except self._no_answer as error:
            after_s = self.breaker.failed()
            raise StoreDown(f"{self.name} does not answer", fix=_FIX, retry_after_s=after_s, store=self.name) from error
        except BaseException:
            self.breaker.abandoned()
            raise
        finally:
            self._calls -= 1
        self.breaker.succeeded()
        return result


_FIX = "`shoplake status` shows whether it runs; ask again after Retry-After"


def positions_of(rows: Mapping[str, Mapping[str, Any]]) -> Positions:
    """Positions from stored checkpoints: name (`orders-3`) -> row, with the row `rebuild-0` if there was a rebuild.

    Checkpoints of an earlier rebuild, and rows that no sink wrote, count as offset 0.
    """
    generation = rows.get(REBUILD, {}).get("number", 0)
    offsets = {}
    for name, row in rows.items():
        topic, dash, partition = name.rpartition("-")
        offset = row.get("next_offset")
        is_current = row.get("generation", 0) == generation
        if dash and name != REBUILD and is_current and partition.isdecimal() and isinstance(offset, int):
            offsets[Place(topic, int(partition))] = int(offset)
    return Positions(offsets)
