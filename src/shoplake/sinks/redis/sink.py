"""The Redis sink: the live board. One Lua script changes counters and checkpoints atomically."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from shoplake import failpoints
from shoplake.errors import Fenced, SinkError, StoreDamaged, StoreUnavailable
from shoplake.sinks import fold
from shoplake.sinks.base import Batch, Checkpoint, Ownership, TopicPartition
from shoplake.sinks.rebuildable import Filling, RebuildableSink, State, state_of

if TYPE_CHECKING:
    from shoplake.settings import RedisSettings

CHECKPOINTS = "shoplake:checkpoint"
EPOCHS = "shoplake:epoch"
FILLING = "shoplake:rebuild"
IDENTITIES = "shoplake:topic"
FUNNEL = ("session_started", "product_viewed", "cart_item_added", "checkout_started", "checkout_completed")
SOCKET_TIMEOUT_S = 20
# Errors of a server that fails over, is out of memory, or has become a replica. A script gets them at its first write
# at the latest: after a first write it is not stopped (scriptVerifyOOM and scriptVerifyWriteCommandAllow in Valkey).
CANNOT_WRITE = (ClusterDownError, MasterDownError, OutOfMemoryError, ReadOnlyError, TryAgainError)
# Temporary errors without a class in redis-py: a full disk, too few replicas, a long-running script of another client,
# and SCRIPT KILL on our script, which Redis allows only before its first write.
FOR_NOW = ("MISCONF", "NOREPLICAS", "BUSY", "Transaction discarded", "Error running script", "Script killed")
REFUSED_ACCESS = (AuthenticationError, NoPermissionError)
REBUILD = "`shoplake verify --stores redis` shows what is wrong, `shoplake rebuild redis` fills the board again"
ACCESS = "allow the account every command on keys that begin with `shoplake:`"
# The checkpoints can move between the read and the script, for example by a lost response of our own earlier call.
ATTEMPTS = 3
PIPELINED = re.compile(r"^Command # .* of pipeline caused error: \W*", re.DOTALL)
INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)


class RedisSink(RebuildableSink):
    """Applies batches to the counters of the board."""

    name = "redis"
    topics = frozenset({"orders", "clicks", "inventory"})

    def __init__(self, settings: RedisSettings) -> None:
        self._client = redis.asyncio.Redis(
            **settings.options(),
            socket_timeout=SOCKET_TIMEOUT_S,
            socket_connect_timeout=5,
            # No automatic retry, because a second HINCRBY counts twice. After a lost response the checkpoint decides.
            retry=Retry(NoBackoff(), 0),
        )
        checks = _lua("checks.lua")
        self._script = self._client.register_script(checks + _lua("apply.lua"))
        self._open = self._client.register_script(checks + _lua("open.lua"))
        self._empty = self._client.register_script(checks + _lua("empty.lua"))

    async def prepare(self) -> None:
        """Do nothing: Redis creates a key with its first value."""

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Raise the epoch of each partition and read its checkpoint."""
        wanted = sorted(partitions)
        failpoints.hit("redis.open.before")
        async with _answering():
            verdict, *answers = await self._open(
                keys=[CHECKPOINTS, EPOCHS, FILLING], args=[int(self.holds), *map(str, wanted)]
            )
        if verdict == b"refused":
            raise _refusal(answers)
        if verdict == b"held":
            self.refuse_held(Filling(state="held"))
        failpoints.hit("redis.open.after")
        pairs = zip(answers[::2], answers[1::2], strict=True)
        return {
            partition: Checkpoint(next_offset=int(done), epoch=int(epoch))
            for partition, (epoch, done) in zip(wanted, pairs, strict=True)
        }

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Read the checkpoints."""
        wanted = list(partitions)
        names = [str(partition) for partition in wanted]
        if not names:
            return {}
        async with _answering(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.hmget(EPOCHS, names)
            pipeline.hmget(CHECKPOINTS, names)
            epochs, done = await pipeline.execute()
        found = zip(wanted, epochs, done, strict=True)
        return {
            p: Checkpoint(_integer(CHECKPOINTS, p, offset or b"0"), _integer(EPOCHS, p, epoch))
            for p, epoch, offset in found
            if epoch
        }

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Store the topic identities in a hash."""
        async with _answering(), self._client.pipeline(transaction=True) as pipeline:
            for topic, identity in topics.items():
                pipeline.hsetnx(IDENTITIES, topic, identity)
            pipeline.hmget(IDENTITIES, list(topics))
            *_, known = await pipeline.execute()
        return {topic: _text(identity) for topic, identity in zip(topics, known, strict=True)}

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Aggregate the new events and run the script; start again if the checkpoints have moved meanwhile.

        If the response is lost, the script may have run; the next call reads the checkpoints to find out.
        """
        for _ in range(ATTEMPTS):
            fresh = batch.fresh(self.name, await self.checkpoints(batch.ranges), owner)
            failpoints.hit("redis.commit.before")
            async with _answering():
                verdict, *where = await self._script(keys=[CHECKPOINTS, EPOCHS], args=[_message(fresh, owner)])
            if verdict == b"applied":
                failpoints.hit("redis.commit.after")
                return
            if verdict == b"refused":
                raise _refusal(where)
            if verdict == b"fenced":
                partition, epoch = map(_text, where)
                raise Fenced(f"redis: {partition} belongs to epoch {epoch} now")
        raise StoreUnavailable(f"redis: the checkpoints moved {ATTEMPTS} times while one batch was applied")

    async def filling(self) -> Filling:
        """Read the state of the current rebuild. If it is damaged, the initial state: a rebuild repairs it too."""
        async with _answering():
            if await self._client.type(FILLING) != b"hash":
                return Filling()
            found: list[Any] = await self._client.hmget(FILLING, ["number", "state"])
        number, state = found
        if number is None or state is None or not INTEGER.fullmatch(_text(number)):
            return Filling()
        return Filling(int(number), state_of(_text(state)))

    async def begin_filling(self, partitions: Iterable[TopicPartition], state: State) -> None:
        """In one script: raise the epochs, and delete everything else."""
        number = (await self.filling()).number
        async with _answering():
            begun = await self._empty(keys=[EPOCHS, FILLING], args=[number, state, *map(str, sorted(partitions))])
        if isinstance(begun, list):
            raise _refusal(begun[1:])
        if begun == -1:
            raise Fenced("redis: another rebuild was started at the same time")

    async def note_filling(self, state: State) -> None:
        """Set the state. There is no data of earlier rebuilds to remove: it was deleted at the start."""
        async with _answering():
            await self._client.hset(FILLING, "state", state)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _lua(name: str) -> str:
    return files(__package__).joinpath(name).read_text()


@contextlib.asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    """Translate exceptions of redis-py into this program's errors.

    Raises:
        StoreUnavailable: Redis did not answer, or cannot write at the moment.
        StoreDamaged: a key of the board has another type.
        SinkError: Redis refused; a retry would be refused too.
    """
    try:
        yield
    except REFUSED_ACCESS as error:
        raise SinkError(f"redis refuses the account: {error}", fix=ACCESS) from error
    except CANNOT_WRITE as error:
        raise StoreUnavailable(
            f"redis cannot write: {error}", fix="check that it has free memory and is not a replica"
        ) from error
    except (ConnectionError, TimeoutError) as error:
        raise StoreUnavailable(f"redis did not answer: {error}", fix="is it running? `shoplake status`") from error
    except ResponseError as error:
        text = PIPELINED.sub("", str(error))
        if text.startswith("WRONGTYPE"):
            raise StoreDamaged(f"redis: a key of the board has another type: {text}", fix=REBUILD) from error
        if text.startswith("ACL failure"):
            raise SinkError(f"redis refuses the account: {text}", fix=ACCESS) from error
        if not text.startswith(FOR_NOW):
            raise SinkError(f"redis refuses: {text}", fix="`shoplake status`; `shoplake logs valkey`") from error
        raise StoreUnavailable(f"redis cannot write: {error}", fix="is its disk full?") from error


def _refusal(answer: Sequence[bytes]) -> SinkError:
    """The error for the answer of a script that refused the batch and wrote nothing."""
    kind, key, field, found, expected = map(_text, answer)
    if kind == "access":
        return SinkError(f"redis: the account may not run {found} on {key}; nothing was written", fix=ACCESS)
    where = f"{key}, field {field}" if field else f"key {key}"
    return StoreDamaged(
        f"redis: {where}: expected {expected}, found '{found}'; nothing of the batch was written", fix=REBUILD
    )


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


def _integer(key: str, partition: TopicPartition, found: bytes) -> int:
    text = _text(found)
    if not INTEGER.fullmatch(text):
        raise _refusal([b"damaged", key.encode(), str(partition).encode(), found, b"an integer of 64 bits"])
    return int(text)


def _message(batch: Batch, owner: Ownership) -> bytes:
    ranges = [(str(p), str(read.start), str(read.stop), str(owner[p])) for p, read in batch.ranges.items()]
    return msgspec.msgpack.encode(
        {"ranges": ranges, "hashes": hash_changes(batch), "sorted_sets": sorted_set_changes(batch)}
    )


def hash_changes(batch: Batch) -> list[tuple[str, list[str]]]:
    """The increments of a batch for the hashes: `(key, [field, amount, field, amount, …])`. Pure."""
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
    # Amounts of different currencies cannot be added, so each currency has its own hash.
    return [
        (f"{key}:{currency}" if currency else key, fields)
        for (currency,), some in payments.group_by("currency", maintain_order=True)
        for key, fields in _by_day("revenue", some, minute, amount)
    ]


def sorted_set_changes(batch: Batch) -> list[tuple[str, list[str]]]:
    """The increments of a batch for the sorted sets, in the form of `hash_changes`. Pure."""
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
