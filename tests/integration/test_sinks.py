"""What every sink promises, held against the real stores: one suite, five sinks, a stack of this file's own."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import psycopg
import pytest
import redis
from pyiceberg.expressions import EqualTo
from pymongo import MongoClient

from shoplake import aws, sinks
from shoplake import stack as embedded
from shoplake.contract import TOPICS
from shoplake.errors import Fenced, SinkError
from shoplake.infra import runner
from shoplake.infra.variables import variables_from
from shoplake.platform import prepare_stack
from shoplake.settings import Settings
from shoplake.settings import load as load_settings
from shoplake.sinks import SINKS
from shoplake.sinks.base import Batch, OffsetRange, Sink, TopicPartition
from shoplake.sinks.lake_tables import open_catalog

pytestmark = pytest.mark.stack

WITHOUT_RDS = {"capabilities": "{rds = false}"}  # a fixed wait of the provider makes it cost 80 s
START_MS = int(time.time()) * 1000  # an old session has outlived its time, and the store may drop it
TEXTS = [
    "",
    " ",
    r"\N",
    r"\.",
    "a\n\\.\nb",
    'say "no"',
    "it's",
    "a,b;c\td",
    "a\r\nb",
    "\\",
    "null",
    "ünï😀",
    "\u2028\x7f",
]
partitions = itertools.count(900)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Empty stores that nobody else counts on, so that nothing has to be cleaned up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPLAKE_HOME", str(tmp_path_factory.mktemp("stores") / "home"))
        for name in [name for name in os.environ if name.startswith("AWS_") and "CA_BUNDLE" not in name]:
            patch.delenv(name)
        try:
            embedded.up()
            for name, value in embedded.environment().items():
                patch.setenv(name, value)
            prepare_stack()
            given = variables_from(embedded.connections()) | WITHOUT_RDS
            runner.apply("local", variables=given, environment=embedded.environment())
            yield load_settings("local")
        finally:
            embedded.purge()


@dataclass(frozen=True)
class Case:
    """An event of which the store keeps a count, so that one too many or too few shows.

    Attributes:
        event: type and fields; `entity` names the field that says whose event it is.
        counted: how many of an entity's events are in the store.
    """

    topic: str
    entity: str
    event: dict[str, Any]
    counted: Callable[[Settings, str], int]


def in_lake(settings: Settings, entity: str) -> int:
    table = open_catalog(settings).load_table((settings.lake.database, "clicks"))
    return len(table.scan(EqualTo("session_id", entity)).to_arrow())


def in_postgres(settings: Settings, entity: str) -> int:
    with psycopg.connect(settings.postgres.conninfo()) as connection:
        query = "SELECT coalesce(sum(on_hand), 0) FROM shop.inventory WHERE product_id = %s"
        (count,) = connection.execute(query, [entity]).fetchone() or (0,)
    return int(count)


def in_dynamodb(settings: Settings, entity: str) -> int:
    item = session_of(settings, entity)
    return int(item["pages"]["N"]) if item else 0


def session_of(settings: Settings, entity: str) -> dict[str, Any]:
    answer = aws.client("dynamodb").get_item(
        TableName=settings.dynamodb.sessions_table, Key={"pk": {"S": entity}}, ConsistentRead=True
    )
    return answer.get("Item", {})


def in_mongo(settings: Settings, entity: str) -> int:
    document = customer_of(settings, entity)
    return document["orders"]["spent_cents"] if document else 0


def customer_of(settings: Settings, entity: str) -> dict[str, Any]:
    with MongoClient[dict[str, Any]](settings.mongo.uri) as client:
        return client[settings.mongo.database]["customers"].find_one({"_id": entity}) or {}


def in_redis(settings: Settings, entity: str) -> int:
    password = settings.redis.password.get_secret_value()
    with redis.Redis(settings.redis.host, settings.redis.port, password=password) as board:
        return int(board.hget("shoplake:stock", entity) or 0)


VIEWED = {"type": "product_viewed", "product_id": "p1"}
RECEIVED = {"type": "stock_received", "warehouse_id": "w1", "quantity": 1}
CAPTURED = {"type": "payment_captured", "order_id": "o1", "payment_id": "y1", "amount_cents": 1}
CASES = {
    "lake": Case("clicks", "session_id", VIEWED, in_lake),
    "postgres": Case("inventory", "product_id", RECEIVED, in_postgres),
    "dynamodb": Case("clicks", "session_id", VIEWED, in_dynamodb),
    "mongo": Case("orders", "customer_id", CAPTURED, in_mongo),
    "redis": Case("inventory", "product_id", RECEIVED, in_redis),
}


def events_at(partition: TopicPartition, start: int, *events: dict[str, Any]) -> Batch:
    """A batch of these events from an offset on."""
    places = [
        {"event_id": f"e{o}", "occurred_at_ms": START_MS + o, "partition": partition.partition, "offset": o}
        for o in range(start, start + len(events))
    ]
    schema = {**TOPICS[partition.topic].columns, "partition": pl.Int32, "offset": pl.Int64}
    frame = pl.DataFrame([event | place for event, place in zip(events, places, strict=True)], schema=schema)
    return Batch({partition.topic: frame}, {partition: OffsetRange(start, start + len(events))})


class Subject:
    """One sink, one partition that no other test uses, one entity whose events are counted."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.settings = settings
        self.case = CASES[name]
        self.name = name
        self.partition = self.another_partition()
        self.entity = str(self.partition)
        self.made: list[Sink] = []

    def another_partition(self) -> TopicPartition:
        return TopicPartition(self.case.topic, next(partitions))

    async def sink(self) -> Sink:
        """One more process of the same sink, as far as the store can tell."""
        self.made.append(sinks.make(self.name, self.settings))
        await self.made[-1].prepare()
        return self.made[-1]

    async def opened(self) -> tuple[Sink, dict[TopicPartition, int]]:
        sink = await self.sink()
        return sink, {p: checkpoint.epoch for p, checkpoint in (await sink.open([self.partition])).items()}

    async def stands_at(self) -> int:
        """Where a new owner would start."""
        return (await (await self.sink()).open([self.partition]))[self.partition].next_offset

    def batch(self, start: int, stop: int, partition: TopicPartition | None = None) -> Batch:
        event = self.case.event | {self.case.entity: self.entity}
        return events_at(partition or self.partition, start, *[event] * (stop - start))

    def counted(self) -> int:
        return self.case.counted(self.settings, self.entity)


@pytest.fixture(params=SINKS)
async def subject(request: pytest.FixtureRequest, stores: Settings) -> AsyncIterator[Subject]:
    one = Subject(request.param, stores)
    yield one
    for sink in one.made:
        await sink.close()


async def test_a_partition_never_seen_starts_at_the_beginning(subject: Subject) -> None:
    opened = await (await subject.sink()).open([subject.partition])
    assert opened[subject.partition].next_offset == 0
    assert opened[subject.partition].epoch > 0


async def test_what_was_applied_is_there_and_the_next_owner_starts_behind_it(subject: Subject) -> None:
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 3), owner)
    await sink.apply(subject.batch(3, 5), owner)
    assert subject.counted() == 5
    assert await subject.stands_at() == 5


async def test_each_owner_has_a_higher_epoch(subject: Subject) -> None:
    epochs = [(await subject.opened())[1][subject.partition] for _ in range(3)]
    assert epochs == sorted(set(epochs))


async def test_the_same_batch_again_changes_nothing(subject: Subject) -> None:
    sink, owner = await subject.opened()
    for _ in range(3):
        await sink.apply(subject.batch(0, 3), owner)
    assert subject.counted() == 3
    assert await subject.stands_at() == 3


async def test_an_older_batch_again_does_not_move_the_checkpoint_back(subject: Subject) -> None:
    sink, owner = await subject.opened()
    for batch in (subject.batch(0, 3), subject.batch(3, 5), subject.batch(0, 3)):
        await sink.apply(batch, owner)
    assert subject.counted() == 5
    assert await subject.stands_at() == 5


async def test_of_an_overlapping_batch_only_what_is_new_counts(subject: Subject) -> None:
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 3), owner)
    await sink.apply(subject.batch(1, 6), owner)
    assert subject.counted() == 6
    assert await subject.stands_at() == 6


async def test_the_next_owner_goes_on_with_an_overlap(subject: Subject) -> None:
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 3), owner)
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(1, 6), owner)
    assert subject.counted() == 6


async def test_a_gap_is_refused_and_nothing_is_written(subject: Subject) -> None:
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 2), owner)
    with pytest.raises(SinkError, match=f"{subject.partition}: expected a batch from offset 2 on, found one from 3"):
        await sink.apply(subject.batch(3, 5), owner)
    assert subject.counted() == 2
    assert await subject.stands_at() == 2


async def test_an_owner_whose_partition_was_taken_over_is_refused(subject: Subject) -> None:
    zombie, old = await subject.opened()
    await zombie.apply(subject.batch(0, 2), old)
    sink, new = await subject.opened()
    with pytest.raises(Fenced):
        await zombie.apply(subject.batch(2, 4), old)
    assert subject.counted() == 2
    await sink.apply(subject.batch(2, 5), new)
    with pytest.raises(Fenced):
        await zombie.apply(subject.batch(4, 9), old)
    assert subject.counted() == 5
    assert await subject.stands_at() == 5


async def test_a_range_without_events_moves_the_checkpoint(subject: Subject) -> None:
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 2), owner)
    await sink.apply(Batch({}, {subject.partition: OffsetRange(2, 4)}), owner)
    await sink.apply(subject.batch(4, 5), owner)
    assert subject.counted() == 3
    assert await subject.stands_at() == 5


async def test_partitions_of_one_batch_keep_checkpoints_of_their_own(subject: Subject) -> None:
    other = subject.another_partition()
    sink = await subject.sink()
    owner = {p: c.epoch for p, c in (await sink.open([subject.partition, other])).items()}
    first, second = subject.batch(0, 2), subject.batch(0, 4, other)
    topic = subject.case.topic
    both = Batch({topic: pl.concat([first.events[topic], second.events[topic]])}, {**first.ranges, **second.ranges})
    await sink.apply(first, owner)
    await sink.apply(both, owner)
    assert subject.counted() == 6
    assert {p: c.next_offset for p, c in (await sink.open([subject.partition, other])).items()} == {
        subject.partition: 2,
        other: 4,
    }


async def test_to_prepare_again_changes_nothing(subject: Subject) -> None:
    sink, owner = await subject.opened()
    await sink.apply(subject.batch(0, 2), owner)
    await sink.prepare()
    await (await subject.sink()).prepare()
    await sink.apply(subject.batch(2, 3), owner)
    assert subject.counted() == 3


async def test_a_strange_name_names_one_entity(subject: Subject) -> None:
    sink, owner = await subject.opened()
    names = [f"{subject.partition}{text}" for text in TEXTS]
    events = [subject.case.event | {subject.case.entity: name} for name in names]
    await sink.apply(events_at(subject.partition, 0, *events), owner)
    assert {name: subject.case.counted(subject.settings, name) for name in names} == dict.fromkeys(names, 1)


TEXT_EVENTS: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "lake": ("clicks", "session_id", "query", {"type": "search_performed", "results": 0}),
    "postgres": ("reviews", "review_id", "title", {"type": "review_submitted", "product_id": "p", "rating": 1}),
    "dynamodb": ("clicks", "session_id", "campaign", {"type": "session_started"}),
    "mongo": ("customers", "customer_id", "name", {"type": "customer_registered"}),
}


def text_in_lake(settings: Settings, entity: str) -> Any:
    table = open_catalog(settings).load_table((settings.lake.database, "clicks"))
    return table.scan(EqualTo("session_id", entity)).to_arrow()["query"].to_pylist()[0]


def text_in_postgres(settings: Settings, entity: str) -> Any:
    with psycopg.connect(settings.postgres.conninfo()) as connection:
        row = connection.execute("SELECT title FROM shop.reviews WHERE review_id = %s", [entity]).fetchone()
    return row and row[0]


READ_TEXT: dict[str, Callable[[Settings, str], Any]] = {
    "lake": text_in_lake,
    "postgres": text_in_postgres,
    "dynamodb": lambda settings, entity: session_of(settings, entity)["campaign"]["S"],
    "mongo": lambda settings, entity: customer_of(settings, entity)["profile"]["name"],
}


@pytest.mark.parametrize("name", TEXT_EVENTS)
async def test_a_text_is_kept_as_it_is(stores: Settings, name: str) -> None:
    topic, entity, text_field, event = TEXT_EVENTS[name]
    partition = TopicPartition(topic, next(partitions))
    texts = {f"{partition}-{n}": text for n, text in enumerate(TEXTS)}
    sink = sinks.make(name, stores)
    await sink.prepare()
    owner = {p: checkpoint.epoch for p, checkpoint in (await sink.open([partition])).items()}
    events = [event | {entity: one, text_field: text} for one, text in texts.items()]
    await sink.apply(events_at(partition, 0, *events), owner)
    await sink.close()
    assert {one: READ_TEXT[name](stores, one) for one in texts} == texts
