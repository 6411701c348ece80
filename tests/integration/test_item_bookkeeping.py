"""Items whose bookkeeping somebody removed or changed, on the real stores: the sink names them, `rebuild` repairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pymongo import MongoClient

from shoplake import aws, sinks
from shoplake.errors import StoreDamaged
from shoplake.publish.kafka import publish
from shoplake.publish.run import Run, load_scenario
from shoplake.settings import Settings
from shoplake.sinks.base import TopicPartition
from shoplake.sinks.keyed import KeyedSink
from shoplake.streaming.rebuild import rebuild
from shoplake.streaming.supervisor import stream
from shoplake.verify import verify

from .conftest import SEED

pytestmark = pytest.mark.stack

EVENTS = 10_000
DAMAGES: list[dict[str, Any]] = [
    {"rev": None},
    {"rev": "4"},
    {"rev": 1.5},
    {"folded": None},
    {"generation": "x"},
    {"generation": "x", "rev": {"a": "b"}},
    {"generation": 70},
    {"generation": 70, "rev": None, "folded": None},
]
"""None removes the field."""


@pytest.fixture(scope="module")
async def shop(stores: Settings) -> Settings:
    await publish(stores.kafka, Run(load_scenario("demo"), SEED, EVENTS))
    await stream(("dynamodb", "mongo"), until_caught_up=True)
    return stores


def spoil_mongo(settings: Settings) -> list[str]:
    with MongoClient[dict[str, Any]](**settings.mongo.options()) as client:
        customers = client[settings.mongo.database]["customers"]
        found = list(customers.find().limit(len(DAMAGES)))
        for document, changes in zip(found, DAMAGES, strict=True):
            spoilt = {name: value for name, value in {**document, **changes}.items() if value is not None}
            customers.replace_one({"_id": document["_id"]}, spoilt)
            customers.insert_one({**spoilt, "_id": f"never-{document['_id']}"})
        return [document["_id"] for document in found]


def spoil_dynamodb(settings: Settings) -> list[str]:
    client, table = aws.client("dynamodb"), settings.dynamodb.sessions_table
    found = client.scan(TableName=table, Limit=len(DAMAGES), ConsistentRead=True)["Items"]
    for item, changes in zip(found, DAMAGES, strict=True):
        typed = {name: _typed(value) for name, value in changes.items()}
        spoilt = {name: value for name, value in {**item, **typed}.items() if value is not None}
        client.put_item(TableName=table, Item=spoilt)
        client.put_item(TableName=table, Item={**spoilt, "pk": {"S": f"never-{item['pk']['S']}"}})
    return [item["pk"]["S"] for item in found]


def _typed(value: Any) -> Mapping[str, Any] | None:
    if value is None:
        return None
    if isinstance(value, dict):
        return {"M": {name: {"S": text} for name, text in value.items()}}
    return {"S": value} if isinstance(value, str) else {"N": str(value)}


CHECKPOINT = TopicPartition("clicks", 0)
CHECKPOINT_DAMAGES: list[dict[str, Any]] = [
    {"next_offset": "12"},
    {"next_offset": None},
    {"epoch": 1.5},
    {"epoch": "x", "next_offset": -1},
    {"generation": "x"},
    {"generation": 70},
]


def spoil_checkpoint(settings: Settings, name: str, changes: Mapping[str, Any]) -> None:
    if name == "dynamodb":
        client, table = aws.client("dynamodb"), settings.dynamodb.checkpoints_table
        item = client.get_item(TableName=table, Key={"pk": {"S": str(CHECKPOINT)}}, ConsistentRead=True)["Item"]
        typed = {field: _typed(value) for field, value in changes.items()}
        client.put_item(TableName=table, Item={k: v for k, v in {**item, **typed}.items() if v is not None})
        return
    with MongoClient[dict[str, Any]](**settings.mongo.options()) as client:
        checkpoints = client[settings.mongo.database]["checkpoints"]
        row = {**(checkpoints.find_one({"_id": str(CHECKPOINT)}) or {}), **changes}
        checkpoints.replace_one({"_id": str(CHECKPOINT)}, {k: v for k, v in row.items() if v is not None})


SPOIL: Mapping[str, tuple[str, Callable[[Settings], list[str]]]] = {
    "dynamodb": ("sessions", spoil_dynamodb),
    "mongo": ("customers", spoil_mongo),
}


@pytest.mark.parametrize("again", [0, 1], ids=["first filling", "after a rebuild"])
@pytest.mark.parametrize("name", SPOIL)
async def test_an_item_without_its_bookkeeping_is_named_and_a_rebuild_repairs_the_store(
    shop: Settings, name: str, again: int
) -> None:
    collection, spoil = SPOIL[name]
    keys = spoil(shop)
    sink = sinks.make(name, shop)
    assert isinstance(sink, KeyedSink)
    try:
        await sink.open([TopicPartition("clicks", 0)])
        assert sink.generation == again
        for key in keys:
            stored = await sink.read(collection, [(key,)])
            with pytest.raises(StoreDamaged, match=f"{name}: {collection}: {key}: expected the bookkeeping") as refused:
                await sink._of_this_filling(collection, stored)
            assert refused.value.fix == f"`shoplake rebuild {name}` fills the store anew"
    finally:
        await sink.close()
    done = await rebuild(shop, name)
    report = await verify(shop, [name])
    assert report.ok, [str(finding) for store in report.stores for finding in store.findings[:5]]
    assert not done.resumed


@pytest.mark.parametrize("name", SPOIL)
async def test_a_damaged_checkpoint_is_named_and_a_rebuild_repairs_the_store(shop: Settings, name: str) -> None:
    sink = sinks.make(name, shop)
    try:
        for changes in CHECKPOINT_DAMAGES:
            await sink.open([CHECKPOINT])
            (before,) = (await sink.checkpoints([CHECKPOINT])).values()
            spoil_checkpoint(shop, name, changes)
            with pytest.raises(StoreDamaged, match=f"{name}: checkpoint of {CHECKPOINT}: expected") as refused:
                await sink.open([CHECKPOINT])
            assert refused.value.fix == f"`shoplake rebuild {name}` fills the store anew"
            restored = {"next_offset": before.next_offset, "epoch": before.epoch}
            spoil_checkpoint(shop, name, restored | {"generation": getattr(sink, "generation", 0) or None})
        spoil_checkpoint(shop, name, CHECKPOINT_DAMAGES[-1] | CHECKPOINT_DAMAGES[0])
    finally:
        await sink.close()
    await rebuild(shop, name)
    report = await verify(shop, [name])
    assert report.ok, [str(finding) for store in report.stores for finding in store.findings[:5]]
