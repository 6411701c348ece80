"""The live board takes a batch as a whole or not at all, whatever is wrong with the board or with the server."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shoplake.errors import Fenced, SinkError, StoreDamaged, StoreUnavailable
from shoplake.settings import RedisSettings
from shoplake.sinks.base import Batch, Epoch, OffsetRange, TopicPartition
from shoplake.sinks.redis.sink import RedisSink
from tests.integration.own_valkey import own_valkey
from tests.unit.sinks.small_log import Event, batch_of

ORDERS, CLICKS, INVENTORY = (TopicPartition(topic, 0) for topic in ("orders", "clicks", "inventory"))
LINES = [{"product_id": "p1", "quantity": 2, "unit_price_cents": 5}]
CAPTURED = {"order_id": "o1", "customer_id": "c1", "payment_id": "y1", "currency": "EUR"}
REVENUE, FUNNEL = "shoplake:revenue:2024-01-01:EUR", "shoplake:funnel:2024-01-01"
STOCK, TOP = "shoplake:stock", "shoplake:top_products"
MAX, MIN = 2**63 - 1, -(2**63)


def everywhere(amount: int = 100, quantity: int = 2) -> Batch:
    """One batch that changes a number of each kind, and three checkpoints."""
    lines = [{**LINES[0], "quantity": quantity}]
    log: Mapping[TopicPartition, list[Event]] = {
        ORDERS: [
            ("payment_captured", CAPTURED | {"amount_cents": amount}),
            ("order_placed", {"order_id": "o1", "customer_id": "c1", "lines": lines}),
        ],
        CLICKS: [("session_started", {"session_id": "s1"})],
        INVENTORY: [("stock_received", {"product_id": "p1", "warehouse_id": "w1", "quantity": quantity})],
    }
    return batch_of(log, {p: OffsetRange(0, len(events)) for p, events in log.items()})


# What the board shows of it.
APPLIED = {(REVENUE, "00:00"): 100, (TOP, "p1"): 2, (FUNNEL, "session_started"): 1, (STOCK, "p1"): 2}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisSettings]:
    with own_valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


@pytest.fixture(scope="module")
def admin(server: RedisSettings) -> Iterator[redis.Redis]:
    """Somebody who may do everything, also while the sinks' account may not."""
    with redis.Redis(**server.options()) as client:
        client.acl_setuser("admin", enabled=True, nopass=True, categories=["+@all"], keys=["*"], channels=["*"])
    with redis.Redis(server.host, server.port, username="admin", password="any") as client:
        yield client


@pytest.fixture
def board(admin: redis.Redis) -> Iterator[redis.Redis]:
    admin.flushall()
    yield admin
    admin.config_set("maxmemory", 0)
    admin.acl_setuser("default", enabled=True, reset_keys=True, categories=["+@all"], keys=["*"])


@pytest.fixture
async def sink(board: redis.Redis, server: RedisSettings) -> AsyncIterator[RedisSink]:
    one = RedisSink(server)
    yield one
    await one.close()


async def opened(sink: RedisSink) -> dict[TopicPartition, Epoch]:
    return {p: found.epoch for p, found in (await sink.open([ORDERS, CLICKS, INVENTORY])).items()}


def everything(board: redis.Redis) -> dict[bytes, bytes]:
    """All keys with their contents."""
    return {key: board.dump(key) for key in board.keys("*")}


def numbers(board: redis.Redis) -> dict[tuple[str, str], int]:
    """What the board shows of the batch."""
    scores = {(TOP, name.decode()): int(score) for name, score in board.zrange(TOP, 0, -1, withscores=True)}
    fields = {(key, f.decode()): int(n) for key in (REVENUE, FUNNEL, STOCK) for f, n in board.hgetall(key).items()}
    return fields | scores


def hash_field(key: str, field: str, value: str | bytes) -> Callable[[redis.Redis], Any]:
    return lambda board: board.hset(key, field, value)


DAMAGES: dict[str, tuple[Callable[[redis.Redis], Any], str]] = {
    f"{key} {value!r}": (hash_field(key, field, value), field)
    for key, field in ((REVENUE, "00:00"), (FUNNEL, "session_started"), (STOCK, "p1"))
    for value in ("oops", "", "1.5", "1e3", "+1", " 1", "01", "-0", "1\n", b"\xff\x00", str(2**63), str(MAX))
} | {
    "stock is a text": (lambda board: board.set(STOCK, "1"), STOCK),
    "stock is a set": (lambda board: board.sadd(STOCK, "p1"), STOCK),
    "top products is a hash": (lambda board: board.hset(TOP, "p1", 1), TOP),
    "top products is a list": (lambda board: board.rpush(TOP, "p1"), TOP),
    "a score with a fraction": (lambda board: board.zadd(TOP, {"p1": 1.5}), "p1"),
    "a score without end": (lambda board: board.zadd(TOP, {"p1": "inf"}), "p1"),
    "a score that doubles cannot count on": (lambda board: board.zadd(TOP, {"p1": 2**53 - 1}), "p1"),
}


@pytest.mark.parametrize(("damage", "named"), DAMAGES.values(), ids=DAMAGES)
async def test_a_damaged_counter_is_named_and_its_batch_changes_nothing(
    sink: RedisSink, board: redis.Redis, damage: Callable[[redis.Redis], Any], named: str
) -> None:
    owner = await opened(sink)
    damage(board)
    before = everything(board)
    for _ in range(2):  # each start of the sink tries again
        with pytest.raises(StoreDamaged, match="nothing of the batch was written") as refused:
            await sink.apply(everywhere(), owner)
        assert named in refused.value.message
        assert "rebuild redis" in refused.value.fix
    assert everything(board) == before
    board.delete(REVENUE, FUNNEL, STOCK, TOP)
    await sink.apply(everywhere(), owner)
    assert numbers(board) == APPLIED


@pytest.mark.parametrize("key", ["shoplake:checkpoint", "shoplake:epoch", "shoplake:rebuild"])
@pytest.mark.parametrize("value", ["12abc", "", b"\xff", None])
async def test_damaged_bookkeeping_is_named_and_a_rebuild_repairs_it(
    sink: RedisSink, board: redis.Redis, server: RedisSettings, key: str, value: str | bytes | None
) -> None:
    owner = await opened(sink)
    await sink.apply(everywhere(), owner)
    board.delete(key)
    if value is None:
        board.set(key, "a text")
    else:
        board.hset(key, "number" if key == "shoplake:rebuild" else "orders-0", value)
    before = everything(board)
    if value is None or key != "shoplake:rebuild":
        with pytest.raises(StoreDamaged, match=key):
            await sink.open([CLICKS, ORDERS])
        assert everything(board) == before
    await sink.begin_filling([ORDERS, CLICKS, INVENTORY], "filling")
    await sink.note_filling("whole")
    with pytest.raises(Fenced):
        await sink.apply(everywhere(), owner)
    await sink.apply(everywhere(), await opened(sink))
    assert numbers(board) == APPLIED


NEAR = st.one_of(
    st.integers(MIN, MAX),
    st.builds(lambda end, by: max(MIN, min(MAX, end + by)), st.sampled_from([MIN, 0, MAX]), st.integers(-3, 3)),
    st.sampled_from([10**18 - 1, 10**18, 10**19 // 2, -(10**18), 2**53, 2**62, -(2**62)]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(held=NEAR, amount=NEAR.filter(bool))
@example(held=MAX - 1, amount=1)
@example(held=MAX, amount=1)
@example(held=MIN + 1, amount=-1)
@example(held=MIN, amount=-1)
@example(held=9_223_372_030_000_000_000, amount=6_854_775_807)
@example(held=9_223_372_030_000_000_000, amount=6_854_775_808)
async def test_a_sum_beyond_exact_integers_is_refused(
    sink: RedisSink, board: redis.Redis, held: int, amount: int
) -> None:
    board.flushall()
    owner = await opened(sink)
    board.hset(REVENUE, "00:00", held)
    before = everything(board)
    if MIN <= held + amount <= MAX:
        await sink.apply(everywhere(amount), owner)
        assert board.hget(REVENUE, "00:00") == str(held + amount).encode()
    else:
        with pytest.raises(StoreDamaged, match="00:00"):
            await sink.apply(everywhere(amount), owner)
        assert everything(board) == before


@pytest.mark.parametrize("held", [2**53 - 3, 2**53 - 2, 2**53 - 1, 2**53, 0, -(2**53), 1 - 2**53])
async def test_a_score_beyond_exact_integers_is_refused(sink: RedisSink, board: redis.Redis, held: int) -> None:
    owner = await opened(sink)
    board.zadd(TOP, {"p1": held})
    if abs(held) < 2**53 and held + 2 < 2**53:
        await sink.apply(everywhere(), owner)
        assert board.zscore(TOP, "p1") == held + 2
    else:
        with pytest.raises(StoreDamaged, match="p1"):
            await sink.apply(everywhere(), owner)


@pytest.mark.parametrize("command", ["-zincrby", "-hincrby", "-hset"])
async def test_a_user_without_a_command_changes_nothing(sink: RedisSink, board: redis.Redis, command: str) -> None:
    owner = await opened(sink)
    before = everything(board)
    board.acl_setuser("default", enabled=True, commands=[command])
    with pytest.raises(SinkError, match=f"may not run {command[1:].upper()}.*nothing was written") as refused:
        await sink.apply(everywhere(), owner)
    assert "shoplake:" in refused.value.fix
    assert everything(board) == before


async def test_a_user_limited_to_some_keys_changes_nothing(sink: RedisSink, board: redis.Redis) -> None:
    owner = await opened(sink)
    before = everything(board)
    board.acl_setuser("default", enabled=True, reset_keys=True, keys=["shoplake:[^t]*"])
    with pytest.raises(SinkError, match=TOP):
        await sink.apply(everywhere(), owner)
    assert everything(board) == before


async def test_a_full_server_applies_a_batch_completely_or_not_at_all(sink: RedisSink, board: redis.Redis) -> None:
    owner = await opened(sink)
    before = everything(board)
    received = [("stock_received", {"product_id": "p" * 1_000 + str(n), "quantity": 1}) for n in range(20_000)]
    batch = batch_of({INVENTORY: received}, {INVENTORY: OffsetRange(0, 20_000)})
    limit = int(board.info("memory")["used_memory"])
    while board.hget("shoplake:checkpoint", "inventory-0") is None:
        assert everything(board) == before
        limit += 5_000_000  # less than what the script adds, so that one of these runs out within it
        board.config_set("maxmemory", limit)
        with contextlib.suppress(StoreUnavailable):
            await sink.apply(batch, owner)
    assert board.hlen(STOCK) == 20_000
    assert board.hget("shoplake:checkpoint", "inventory-0") == b"20000"
    assert int(board.info("memory")["used_memory_peak"]) > limit


async def test_a_replica_refuses_the_whole_batch(sink: RedisSink, board: redis.Redis) -> None:
    owner = await opened(sink)
    before = everything(board)
    board.replicaof("127.0.0.1", 1)
    try:
        with pytest.raises(StoreUnavailable):
            await sink.apply(everywhere(), owner)
    finally:
        board.replicaof("NO", "ONE")
    assert everything(board) == before


async def test_the_sink_waits_for_a_server_busy_with_another_script(sink: RedisSink, board: redis.Redis) -> None:
    owner = await opened(sink)
    before = everything(board)
    board.config_set("busy-reply-threshold", 50)
    blocker = board.client()

    def block() -> None:
        with pytest.raises(redis.ResponseError, match="SCRIPT KILL"):
            blocker.eval("while true do end", 0)

    blocking = threading.Thread(target=block)
    blocking.start()
    await asyncio.sleep(0.5)
    try:
        with pytest.raises(StoreUnavailable):
            await sink.apply(everywhere(), owner)
    finally:
        board.script_kill()  # on a connection of its own: the other one waits
        blocking.join()
        blocker.close()
    assert everything(board) == before
