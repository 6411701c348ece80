"""Topic ids: detect a topic that was deleted and created again under the same name.

aiokafka's metadata request (version 5) is older than topic ids (version 10). So the newer request is defined here and
sent with aiokafka's client.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from shoplake import kafka
from shoplake.errors import StreamHalted

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

METADATA = 3
ANSWER_TIMEOUT_S = 5.0
NO_ID = uuid.UUID(int=0)


class TopicId(NamedTuple):
    """The identity of a topic.

    Attributes:
        id: the id that Kafka assigned when the topic was created.
        partitions: number of partitions. If it changes, events of an entity go to another partition, and their order
            is lost.
    """

    id: str
    partitions: int

    def __str__(self) -> str:
        return f"{self.id}/{self.partitions}"

    @classmethod
    def parse(cls, text: str) -> TopicId:
        """The inverse of `str`."""
        name, _, partitions = text.partition("/")
        return cls(name, int(partitions))


class TopicIds:
    """Reads topic ids from the cluster, over its own connection."""

    def __init__(self, cluster: KafkaSettings) -> None:
        self._cluster = cluster
        self._client: Any = None

    async def read(self, topics: Iterable[str]) -> dict[str, TopicId]:
        """Read the ids of those topics that exist.

        Raises:
            LogUnavailable: Kafka did not answer, or is not ready yet.
        """
        async with kafka.answering(self._cluster), asyncio.timeout(ANSWER_TIMEOUT_S):
            client = await self._connected()
            node = client.get_random_node()
            if node is None:
                raise KafkaConnectionError("no broker is known")
            answer = await client.send(node, _MetadataRequest(sorted(topics)))
        return _found(answer)

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _connected(self) -> Any:  # noqa: ANN401 - aiokafka is untyped
        if self._client is None:
            client = AIOKafkaClient(
                **kafka.client_options(self._cluster), request_timeout_ms=int(ANSWER_TIMEOUT_S * 1000)
            )
            try:
                await client.bootstrap()
            except BaseException:
                await client.close()
                raise
            self._client = client
        return self._client


def refuse_recreated(name: str, known: Mapping[str, TopicId], found: Mapping[str, TopicId]) -> None:
    """Compare the topics in Kafka with those that a store or a process has read.

    Args:
        name: name of the store or process, for the message.
        known: topic → its identity when it was first read.
        found: topic → its identity in Kafka now.

    Raises:
        StreamHalted: a topic was recreated, or its number of partitions was changed.
    """
    for topic, expected in known.items():
        now = found.get(topic)
        if now is None:
            raise StreamHalted(
                f"{name}: Kafka no longer has topic {topic}",
                fix="restore the topic from a backup, or start again with empty stores (`shoplake down --purge`)",
            )
        if now.id != expected.id:
            raise StreamHalted(
                f"{name}: topic {topic} was recreated: its id was {expected.id} when this store was filled, and is "
                f"{now.id} now; the same offset is another event in the new topic",
                fix="start again with empty stores (`shoplake down --purge`), or restore the log that filled them",
            )
        if now.partitions != expected.partitions:
            raise StreamHalted(
                f"{name}: topic {topic} had {expected.partitions} partitions when this store was filled, and has "
                f"{now.partitions} now; events of one key are in two of them, and their order is lost",
                fix="create the topic again with its old number of partitions, and publish again to empty stores",
            )


def _found(answer: Any) -> dict[str, TopicId]:  # noqa: ANN401 - aiokafka is untyped
    found = {}
    for code, name, topic_id, _internal, partitions, _operations, _tags in answer.topics:
        if for_code(code).errno == 0 and topic_id != NO_ID:
            found[name] = TopicId(str(topic_id), len(partitions))
    return found


class _Uuid(AbstractType):  # type: ignore[misc]  # aiokafka is untyped
    @classmethod
    def decode(cls, data: BytesIO) -> uuid.UUID:
        return uuid.UUID(bytes=data.read(16))

    @classmethod
    def encode(cls, value: uuid.UUID) -> bytes:
        return value.bytes


_TEXT = CompactString("utf-8")


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY = METADATA
    API_VERSION = 11
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(("node_id", Int32), ("host", _TEXT), ("port", Int32), ("rack", _TEXT), ("tags", TaggedFields)),
        ),
        ("cluster_id", _TEXT),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", _TEXT),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _MetadataRequestStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = METADATA
    API_VERSION = 11
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("topic", _TEXT), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataRequestStruct]):  # type: ignore[misc]
    API_KEY = METADATA

    def __init__(self, topics: list[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_MetadataRequestStruct]) -> _MetadataRequestStruct:
        return request_struct_class([(NO_ID, topic, {}) for topic in self._topics], False, False, {})
