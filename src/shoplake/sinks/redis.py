"""Redis: the live board. One Lua script changes counters and checkpoints together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError

from shoplake import failpoints
from shoplake.errors import Fenced, StoreUnavailable
from shoplake.sinks import fold
from shoplake.sinks.base import Batch, Checkpoint, Ownership, Sink, TopicPartition

if TYPE_CHECKING:
    from shoplake.settings import RedisSettings

CHECKPOINTS = "shoplake:checkpoint"
EPOCHS = "shoplake:epoch"
FUNNEL = ("session_started", "product_viewed", "cart_item_added", "checkout_started", "checkout_completed")
SOCKET_TIMEOUT_S = 20
# Between reading the checkpoints and the script another owner may have moved them; it does so once, then fences us.
ATTEMPTS = 3


class RedisSink(Sink):
    """Applies batches to the counters of the board."""

    name = "redis"
    topics = frozenset({"orders", "clicks", "inventory"})

    def __init__(self, settings: RedisSettings) -> None:
        self._client = redis.asyncio.Redis(
            **settings.options(),
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=5,
            # HINCRBY sent twice counts twice: what a lost answer means is decided here, by the checkpoint.
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._client.register_script(files("shoplake.sinks").joinpath("redis.lua").read_text())

    async def prepare(self) -> None:
        """Nothing to make: keys come with their first value."""

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Raise each partition's epoch and read where it stands."""
        wanted = sorted(partitions)
        failpoints.reach("redis.open.before")
        try:
            async with self._client.pipeline(transaction=True) as pipeline:
                for partition in wanted:
                    pipeline.hincrby(EPOCHS, str(partition), 1)
                    pipeline.hget(CHECKPOINTS, str(partition))
                answers = await pipeline.execute()
        except (ConnectionError, TimeoutError) as error:
            raise _unavailable(error) from error
        failpoints.reach("redis.open.after")
        pairs = zip(answers[::2], answers[1::2], strict=True)
        return {
            partition: Checkpoint(next_offset=int(done or 0), epoch=int(epoch))
            for partition, (epoch, done) in zip(wanted, pairs, strict=True)
        }

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Fold what is new and run the script; when the checkpoints moved meanwhile, fold again."""
        try:
            for _ in range(ATTEMPTS):
                fresh = batch.after(await self._checkpoints(batch, owner))
                failpoints.reach("redis.commit.before")
                verdict, *where = await self._script(keys=[CHECKPOINTS, EPOCHS], args=[_message(fresh, owner)])
                if verdict == b"applied":
                    failpoints.reach("redis.commit.after")
                    return
                if verdict == b"fenced":
                    partition, epoch = (part.decode() for part in where)
                    raise Fenced(f"redis: {partition} belongs to epoch {epoch} now")
        except (ConnectionError, TimeoutError) as error:
            # The script may have run; the next call reads the checkpoints and knows.
            raise _unavailable(error) from error
        raise StoreUnavailable(f"redis: the checkpoints moved {ATTEMPTS} times while one batch was folded")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _checkpoints(self, batch: Batch, owner: Ownership) -> dict[TopicPartition, Checkpoint]:
        if not batch.ranges:
            return {}
        done = await self._client.hmget(CHECKPOINTS, [str(partition) for partition in batch.ranges])
        return {p: Checkpoint(int(d or 0), owner[p]) for p, d in zip(batch.ranges, done, strict=True)}


def _unavailable(error: Exception) -> StoreUnavailable:
    loading = " (it is loading its data)" if isinstance(error, BusyLoadingError) else ""
    return StoreUnavailable(f"redis did not answer{loading}: {error}", fix="is it running? `shoplake status`")


def _message(batch: Batch, owner: Ownership) -> bytes:
    ranges = [(str(p), str(read.start), str(read.stop), str(owner[p])) for p, read in batch.ranges.items()]
    return msgspec.msgpack.encode(
        {"ranges": ranges, "hashes": hash_changes(batch), "sorted_sets": sorted_set_changes(batch)}
    )


def hash_changes(batch: Batch) -> list[tuple[str, list[str]]]:
    """What a batch adds to the hashes: `(key, [field, amount, field, amount, …])`. Pure."""
    changes: list[tuple[str, list[str]]] = []
    if (orders := batch.events.get("orders")) is not None:
        changes += _revenue(orders)
    if (clicks := batch.events.get("clicks")) is not None:
        changes += _by_day("funnel", clicks.filter(fold.is_type(*FUNNEL)), pl.col("type"), fold.signed(FUNNEL, []))
    if (inventory := batch.events.get("inventory")) is not None:
        available = fold.signed(["stock_received", "stock_returned", "stock_released"], ["stock_reserved"], "quantity")
        totals = fold.fold(inventory, ["product_id"], last={}, sums={"amount": available})
        changes += [("shoplake:stock", _flat(totals))]
    return [(key, fields) for key, fields in changes if fields]


def _revenue(orders: pl.DataFrame) -> list[tuple[str, list[str]]]:
    payments = orders.filter(fold.is_type("payment_captured", *fold.MONEY_BACK))
    amount = fold.signed(["payment_captured"], fold.MONEY_BACK, "amount_cents")
    minute = fold.occurred_at().dt.strftime("%H:%M")
    # Amounts of two currencies have no sum: each has a hash of its own.
    return [
        (f"{key}:{currency}" if currency else key, fields)
        for (currency,), some in payments.group_by("currency", maintain_order=True)
        for key, fields in _by_day("revenue", some, minute, amount)
    ]


def sorted_set_changes(batch: Batch) -> list[tuple[str, list[str]]]:
    """What a batch adds to the sorted sets, shaped like `hash_changes`. Pure."""
    orders = batch.events.get("orders")
    if orders is None:
        return []
    lines = orders.filter(fold.is_type("order_placed")).select(pl.col("lines").explode()).unnest("lines")
    units = fold.fold(lines, ["product_id"], last={}, sums={"amount": pl.col("quantity")})
    flat = _flat(units)
    return [("shoplake:top_products", flat)] if flat else []


def _by_day(board: str, events: pl.DataFrame, entry: pl.Expr, amount: pl.Expr) -> list[tuple[str, list[str]]]:
    rows = events.with_columns(day=fold.occurred_at().dt.strftime("%Y-%m-%d"), entry=entry)
    totals = fold.fold(rows, ["day", "entry"], last={}, sums={"amount": amount})
    return [
        (f"shoplake:{board}:{day[0]}", _flat(entries.select("entry", "amount")))
        for day, entries in totals.group_by("day", maintain_order=True)
    ]


def _flat(totals: pl.DataFrame) -> list[str]:
    changed: list[tuple[Any, int]] = totals.filter(pl.col("amount") != 0).rows()
    return [part for name, amount in changed for part in (name, str(amount))]
