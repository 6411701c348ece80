"""Bare redis-py: the board's values as they are after each batch, by one pipeline of HSET and ZADD. One connection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio

from shoplake.sinks.redis.sink import hash_changes, sorted_set_changes

if TYPE_CHECKING:
    from shoplake.bench.stopwatch import Stopwatch
    from shoplake.settings import Settings
    from shoplake.sinks.base import Batch

Totals = Mapping[str, Mapping[Any, Any]]


def empty(settings: Settings) -> None:
    """All keys go."""
    with redis.Redis(**settings.redis.options()) as board:
        board.flushall()


async def write(settings: Settings, batches: Sequence[Batch], watch: Stopwatch) -> None:
    """One pipeline per batch, which sets what the batch has changed."""
    hashes = _totals(hash_changes(batch) for batch in batches)
    sorted_sets = _totals(sorted_set_changes(batch) for batch in batches)
    async with redis.asyncio.Redis(**settings.redis.options()) as board:
        await board.ping()
        watch.start()
        for some, others in zip(hashes, sorted_sets, strict=True):
            async with board.pipeline(transaction=False) as pipeline:
                for key, values in some.items():
                    pipeline.hset(key, mapping=dict(values))
                for key, values in others.items():
                    pipeline.zadd(key, dict(values))
                await pipeline.execute()
        watch.stop()


def _totals(changes: Iterable[Sequence[tuple[str, list[str]]]]) -> Sequence[Totals]:
    """By key and field, the values after each batch of those that it changed."""
    held: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    after = []
    for of_batch in changes:
        changed: dict[str, dict[str, int]] = defaultdict(dict)
        for key, flat in of_batch:
            for name, amount in zip(flat[::2], flat[1::2], strict=True):
                held[key][name] += int(amount)
                changed[key][name] = held[key][name]
        after.append(changed)
    return after
