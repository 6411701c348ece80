"""A topic that a broker does not know yet is asked for again, and is not taken for one that may not be read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shoplake import kafka
from shoplake.errors import StreamHalted

UNKNOWN, NOT_PERMITTED = 3, 29


class Broker:
    """Answers with these error codes, one after the other; the last one for ever."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    async def describe_configs(self, asked: object) -> list[Any]:
        del asked
        code = self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]
        entries: list[Any] = [] if code else [("retention.ms", "604800000", False, 1, False, [])]
        return [SimpleNamespace(resources=[(code, "", 2, "orders", entries)])]

    async def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        code = self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]
        partitions = [] if code else [{"partition": 0}, {"partition": 1}]
        return [{"error_code": code, "topic": name, "partitions": partitions} for name in names]


async def answered(*codes: int) -> list[tuple[Any, ...]]:
    return await kafka._configurations(cast(AIOKafkaAdminClient, Broker(*codes)), [])


async def test_a_topic_that_is_not_known_yet_is_asked_for_again() -> None:
    ((code, *_, entries),) = await answered(UNKNOWN, UNKNOWN, 0)
    assert (code, entries[0][:2]) == (0, ("retention.ms", "604800000"))


async def test_partitions_of_a_topic_that_is_not_known_yet_are_asked_for_again() -> None:
    broker = cast(AIOKafkaAdminClient, Broker(UNKNOWN, UNKNOWN, 0))
    (found,) = await kafka._descriptions(broker, ["publish-progress"])
    assert len(found["partitions"]) == 2


async def test_two_partitions_are_refused_although_the_topic_was_not_known_at_first() -> None:
    wanted = NewTopic("publish-progress", 1, 1)
    with pytest.raises(StreamHalted, match="keeps all records in order, found 2"):
        await kafka._refuse_unfit(cast(AIOKafkaAdminClient, Broker(UNKNOWN, 0)), [wanted])


async def test_a_topic_that_stays_unknown_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "METADATA_ATTEMPTS", 2)
    with pytest.raises(StreamHalted, match="does not know topic orders, which exists"):
        await answered(UNKNOWN)


async def test_a_topic_that_may_not_be_read_is_returned_as_it_is() -> None:
    ((code, *_),) = await answered(NOT_PERMITTED)
    assert code == NOT_PERMITTED
