"""The live board from Redis. Data and checkpoints are read in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from shoplake.api.stores.base import Store
from shoplake.positions import Place, Positions
from shoplake.settings import RedisSettings
from shoplake.sinks.redis.sink import CHECKPOINTS

CONNECTIONS = 128
TOPICS = ("orders", "clicks", "inventory")
REVENUE, FUNNEL, TOP = "shoplake:revenue:", "shoplake:funnel:", "shoplake:top_products"
SCAN_KEYS = 1_000
SCANS = 100
"""Steps of a search for keys at most: 100,000 keys, which is more than a hundred years of days and currencies."""


@dataclass(frozen=True, slots=True)
class Board:
    """The board of one day, as Redis has it.

    Attributes:
        revenue: currency (empty: none) -> minute `HH:MM` -> minor units.
        funnel: step -> events.
        top: product id -> units of all days, the most first.
    """

    day: str | None
    revenue: Mapping[str, Mapping[str, int]]
    funnel: Mapping[str, int]
    top: Mapping[str, int]


class RedisStore(Store):
    """Reads through an asynchronous client with a pool."""

    name: ClassVar[str] = "redis"
    errors = (RedisError, OSError)

    def __init__(self, settings: RedisSettings) -> None:
        super().__init__()
        self._settings = settings

    async def open(self) -> None:
        """Make the client; it connects at the first read."""
        self._client = redis.asyncio.Redis(
            **self._settings.options(),
            socket_timeout=3,
            socket_connect_timeout=2,
            max_connections=CONNECTIONS,
            retry=Retry(NoBackoff(), 1),
            decode_responses=False,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def ping(self) -> None:
        """Ask the server."""
        await self.call(self._ping)

    async def positions(self) -> Positions:
        """Read the checkpoints."""
        return _positions(await self.call(self._checkpoints))

    async def board(self, day: str | None, products: int) -> tuple[Board, Positions]:
        """The board of a day; of the newest one if None.

        Args:
            day: YYYY-MM-DD.
            products: how many of the products that sold most.
        """
        return await self.call(lambda: self._board(day, products))

    async def _ping(self) -> Any:  # noqa: ANN401 - redis-py's own type is a union of both kinds of client
        return await self._client.ping()

    async def _checkpoints(self) -> Any:  # noqa: ANN401
        return await self._client.hgetall(CHECKPOINTS)

    async def _board(self, day: str | None, products: int) -> tuple[Board, Positions]:
        keys = await self._keys(REVENUE + (f"{day}*" if day else "*"))
        if day is None:
            funnels = await self._keys(f"{FUNNEL}*")
            days = [key.removeprefix(REVENUE)[:10] for key in keys] + [key.removeprefix(FUNNEL) for key in funnels]
            day = max(days, default=None)
        revenue = sorted(key for key in keys if day and key.startswith(REVENUE + day))
        async with self._client.pipeline(transaction=True) as pipeline:
            pipeline.hgetall(CHECKPOINTS)
            pipeline.zrange(TOP, 0, products - 1, desc=True, withscores=True)
            pipeline.hgetall(f"{FUNNEL}{day}")
            for key in revenue:
                pipeline.hgetall(key)
            checkpoints, top, funnel, *amounts = await pipeline.execute()
        board = Board(
            day,
            {key.removeprefix(REVENUE)[11:]: _numbers(found) for key, found in zip(revenue, amounts, strict=True)},
            _numbers(funnel),
            {_text(product): int(units) for product, units in top},
        )
        return board, _positions(checkpoints)

    async def _keys(self, pattern: str) -> list[str]:
        found: set[str] = set()
        cursor = 0
        for _ in range(SCANS):
            cursor, some = await self._client.scan(cursor, match=pattern, count=SCAN_KEYS)
            found.update(map(_text, some))
            if cursor == 0:
                break
        return sorted(found)


def _positions(checkpoints: Mapping[bytes, bytes]) -> Positions:
    offsets = {}
    for name, offset in checkpoints.items():
        topic, _, partition = _text(name).rpartition("-")
        if partition.isdecimal() and offset.isdigit():
            offsets[Place(topic, int(partition))] = int(offset)
    return Positions(offsets)


def _numbers(found: Mapping[bytes, bytes]) -> dict[str, int]:
    """The numbers of a hash. Other values are left out: no sink wrote them, and `verify` names them."""
    return {_text(name): int(value) for name, value in sorted(found.items()) if value.removeprefix(b"-").isdigit()}


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
