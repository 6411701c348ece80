"""Find open Kafka transactions: their partitions, producers, and start times.

A read_committed consumer stops before the first record of an open transaction of any producer. aiokafka lacks the
requests that describe transactions, so they are defined here and sent with its client.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

from shoplake import kafka
from shoplake.errors import LogUnavailable

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

ANSWER_TIMEOUT_S = 10.0
PAUSE_S = 0.25
WATCH_EVERY_S = 20.0
_TAGS = ("tags", TaggedFields)
_TEXT = CompactString("utf-8")


@dataclass(frozen=True, slots=True)
class OpenTransaction:
    """A transaction that is open in one partition.

    Attributes:
        partition: `<topic>-<number>`.
        first_offset: the first offset that read_committed consumers do not get.
        hidden: number of offsets from there to the end of the log.
        producer_id: the producer; None if the broker does not report it.
        transactional_id: the producer's name; None if the broker does not report it, or has forgotten the transaction.
        since_ms: start of the transaction, milliseconds since 1970; None as above.
    """

    partition: str
    first_offset: int
    hidden: int
    producer_id: int | None = None
    transactional_id: str | None = None
    since_ms: int | None = None

    def __str__(self) -> str:
        whose = f" of '{self.transactional_id}'" if self.transactional_id is not None else ""
        whose += f" (producer {self.producer_id})" if self.producer_id is not None else ""
        since = ""
        if self.since_ms is not None:
            since = f", open since {datetime.fromtimestamp(self.since_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ},"
        behind = f"{self.hidden:,} offset{'s' if self.hidden > 1 else ''} from {self.first_offset:,} on"
        return f"{self.partition}: a transaction{whose}{since} hides {behind}"


FIX = (
    "let its producer commit or abort, or stop it: Kafka aborts a transaction after its time-out; if no coordinator "
    "knows the transaction, `kafka-transactions.sh abort` ends it"
)


async def find(cluster: KafkaSettings, topics: Iterable[str]) -> Sequence[OpenTransaction]:
    """Find the transactions that hide records of these topics at this moment.

    Raises:
        LogUnavailable: Kafka did not answer.
    """
    async with kafka.answering(cluster), asyncio.timeout(4 * ANSWER_TIMEOUT_S):
        hidden = await _hidden(cluster, topics)
        return await _described(cluster, hidden) if hidden else ()


async def find_lasting(cluster: KafkaSettings, topics: Sequence[str], duration_s: float) -> Sequence[OpenTransaction]:
    """Find transactions that are open now and stay open for `duration_s`. A publisher's are open for less.

    Raises:
        LogUnavailable: Kafka did not answer.
    """
    found = await find(cluster, topics)
    ends_at = time.monotonic() + duration_s
    while found and time.monotonic() < ends_at:
        await asyncio.sleep(PAUSE_S)
        before = {(one.partition, one.first_offset) for one in found}
        found = [one for one in await find(cluster, topics) if (one.partition, one.first_offset) in before]
    return found


async def watch(
    cluster: KafkaSettings, topics: Sequence[str], report: Callable[[OpenTransaction], None], duration_s: float
) -> None:
    """Call `report` once for each transaction that stays open for `duration_s`, until cancelled.

    While Kafka does not answer, nothing is reported.
    """
    reported: set[tuple[str, int]] = set()
    while True:
        with contextlib.suppress(LogUnavailable, TimeoutError):
            for one in await find_lasting(cluster, topics, duration_s):
                if (one.partition, one.first_offset) not in reported:
                    reported.add((one.partition, one.first_offset))
                    report(one)
        await asyncio.sleep(WATCH_EVERY_S)


async def _hidden(cluster: KafkaSettings, topics: Iterable[str]) -> dict[TopicPartition, tuple[int, int]]:
    """For each partition with an open transaction: the last stable offset, and the end of the log."""
    every = AIOKafkaConsumer(**kafka.client_options(cluster), isolation_level="read_uncommitted")
    async with every, kafka.consumer(cluster) as committed:
        partitions = await kafka.partitions_of_topics(committed, topics)
        ends = await committed.end_offsets(partitions)  # read twice: records committed meanwhile are not hidden
        reached = await every.end_offsets(partitions)
        again = await committed.end_offsets(partitions)
    return {p: (end, reached[p]) for p, end in ends.items() if again[p] == end < reached[p]}


async def _described(
    cluster: KafkaSettings, hidden: dict[TopicPartition, tuple[int, int]]
) -> Sequence[OpenTransaction]:
    client = AIOKafkaClient(**kafka.client_options(cluster), request_timeout_ms=int(ANSWER_TIMEOUT_S * 1000))
    try:
        await client.bootstrap()
        await client.set_topics({partition.topic for partition in hidden})
        found = []
        for partition, (first, end) in hidden.items():
            one = OpenTransaction(f"{partition.topic}-{partition.partition}", first, end - first)
            found += await _producers(client, partition, one) or [one]
        return await _named(client, found)
    finally:
        await client.close()


async def _producers(client: Any, partition: TopicPartition, one: OpenTransaction) -> list[OpenTransaction]:  # noqa: ANN401
    """The producers with an open transaction in a partition; empty if the broker does not report them."""
    with contextlib.suppress(KafkaError, TimeoutError):
        leader = client.cluster.leader_for_partition(partition)
        answer = await client.send(leader, _DescribeProducers(partition))
        ((_, ((_, _, _, producers, _),), _),) = answer.topics
        return [
            replace(one, producer_id=producer)
            for producer, _epoch, _sequence, _time, _coordinator, begin, _tags in producers
            if begin >= 0
        ]
    return []


async def _named(client: Any, found: Sequence[OpenTransaction]) -> Sequence[OpenTransaction]:  # noqa: ANN401
    """Add the names and start times that the transaction coordinators know."""
    producers = sorted({one.producer_id for one in found if one.producer_id is not None})
    known: dict[int, tuple[str, int]] = {}
    for broker in client.cluster.brokers() if producers else ():
        with contextlib.suppress(KafkaError, TimeoutError):
            listed = await client.send(broker.nodeId, _ListTransactions(producers))
            names = [name for name, *_ in listed.transactions]
            if names:
                described = await client.send(broker.nodeId, _DescribeTransactions(names))
                known |= {producer: (name, since) for _, name, _, _, since, producer, *_ in described.transactions}
    named = []
    for one in found:
        name, since_ms = known.get(one.producer_id, (None, None)) if one.producer_id is not None else (None, None)
        named.append(replace(one, transactional_id=name, since_ms=since_ms))
    return named


class _DescribeProducersResponse(Response):  # type: ignore[misc]  # aiokafka is untyped
    API_KEY, API_VERSION = 61, 0
    _PRODUCER = CompactArray(
        ("producer_id", Int64),
        ("producer_epoch", Int32),
        ("last_sequence", Int32),
        ("last_timestamp", Int64),
        ("coordinator_epoch", Int32),
        ("current_txn_start_offset", Int64),
        _TAGS,
    )
    _PARTITIONS = CompactArray(
        ("partition", Int32), ("error_code", Int16), ("error_message", _TEXT), ("producers", _PRODUCER), _TAGS
    )
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("topics", CompactArray(("topic", _TEXT), ("partitions", _PARTITIONS), _TAGS)),
        _TAGS,
    )


class _DescribeProducersStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY, API_VERSION = 61, 0
    RESPONSE_TYPE = _DescribeProducersResponse
    SCHEMA = Schema(("topics", CompactArray(("topic", _TEXT), ("partitions", CompactArray(Int32)), _TAGS)), _TAGS)


class _DescribeProducers(Request[_DescribeProducersStruct]):  # type: ignore[misc]
    API_KEY = 61

    def __init__(self, partition: TopicPartition) -> None:
        self._partition = partition

    def build(self, request_struct_class: type[_DescribeProducersStruct]) -> _DescribeProducersStruct:
        return request_struct_class([(self._partition.topic, [self._partition.partition], {})], {})


class _ListTransactionsResponse(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 66, 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("unknown_filters", CompactArray(_TEXT)),
        ("transactions", CompactArray(("name", _TEXT), ("producer_id", Int64), ("state", _TEXT), _TAGS)),
        _TAGS,
    )


class _ListTransactionsStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY, API_VERSION = 66, 0
    RESPONSE_TYPE = _ListTransactionsResponse
    SCHEMA = Schema(("states", CompactArray(_TEXT)), ("producers", CompactArray(Int64)), _TAGS)


class _ListTransactions(Request[_ListTransactionsStruct]):  # type: ignore[misc]
    API_KEY = 66

    def __init__(self, producers: Sequence[int]) -> None:
        self._producers = list(producers)

    def build(self, request_struct_class: type[_ListTransactionsStruct]) -> _ListTransactionsStruct:
        return request_struct_class([], self._producers, {})


class _DescribeTransactionsResponse(Response):  # type: ignore[misc]
    API_KEY, API_VERSION = 65, 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "transactions",
            CompactArray(
                ("error_code", Int16),
                ("name", _TEXT),
                ("state", _TEXT),
                ("timeout_ms", Int32),
                ("start_time_ms", Int64),
                ("producer_id", Int64),
                ("producer_epoch", Int16),
                ("topics", CompactArray(("topic", _TEXT), ("partitions", CompactArray(Int32)), _TAGS)),
                _TAGS,
            ),
        ),
        _TAGS,
    )


class _DescribeTransactionsStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY, API_VERSION = 65, 0
    RESPONSE_TYPE = _DescribeTransactionsResponse
    SCHEMA = Schema(("names", CompactArray(_TEXT)), _TAGS)


class _DescribeTransactions(Request[_DescribeTransactionsStruct]):  # type: ignore[misc]
    API_KEY = 65

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)

    def build(self, request_struct_class: type[_DescribeTransactionsStruct]) -> _DescribeTransactionsStruct:
        return request_struct_class(self._names, {})
