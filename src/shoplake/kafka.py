"""Create the Kafka topics, configure clients, and read topics up to their end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    GroupAuthorizationFailedError,
    IllegalOperation,
    IncompatibleBrokerVersion,
    KafkaError,
    MessageSizeTooLargeError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    ProducerFenced,
    RecordListTooLargeError,
    RecordTooLargeError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnknownTopicOrPartitionError,
    UnsupportedVersionError,
    for_code,
)

from shoplake.contract import CONTRACTS, DEAD_LETTER_PROGRESS, DEAD_LETTERS, OUTCOMES, PUBLISH_PROGRESS, TOPICS
from shoplake.errors import LogUnavailable, StreamHalted
from shoplake.kafka_records import prepare_consumers

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

PARTITIONS = 6
REQUEST_TIMEOUT_MS = 20_000
STABLE_TIMEOUT_S = 30
METADATA_ATTEMPTS, METADATA_PAUSE_S = 30, 0.1
T = TypeVar("T")
# Longer than the transaction time-out of our own writers: the broker has aborted a killed writer's transaction by then.
OPEN_TRANSACTION_TIMEOUT_S = 90
POLL_MS = 500
POLL_RECORDS = 10_000
SILENT_POLLS = 60
STOP_TIMEOUT_S = 3

# Errors that a retry does not change. Any other error of a client can mean that a broker is not available yet.
REFUSALS = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    MessageSizeTooLargeError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    ProducerFenced,
    RecordListTooLargeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedVersionError,
)

# All stores are built from the log, and a record's timestamp is the time of its event. With Kafka's defaults, events of
# last month would be deleted as they arrive, and events an hour ahead of the broker's clock refused.
_KEEP = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
_LARGE = _KEEP | {"max.message.bytes": str(4 * 1024 * 1024)}
_COMPACT = {"cleanup.policy": "compact", "segment.ms": "86400000"}


def client_options(cluster: KafkaSettings) -> dict[str, Any]:
    """Options for every aiokafka client: address and login."""
    address = {"bootstrap_servers": cluster.bootstrap_servers}
    if cluster.login == "none":
        return address
    from shoplake import iam_auth  # imports boto3

    return address | iam_auth.kafka_options()


@contextlib.asynccontextmanager
async def answering(cluster: KafkaSettings) -> AsyncIterator[None]:
    """Translate exceptions of a Kafka client into this program's errors.

    Raises:
        LogUnavailable: Kafka did not answer, or is not available for the moment; a retry can succeed.
        StreamHalted: Kafka refused; a retry would be refused too.
    """
    where = f"Kafka at {cluster.bootstrap_servers}"
    try:
        yield
    except CorruptRecordException as error:
        raise StreamHalted(
            f"{where} sent corrupt records: {error}",
            fix="check the broker's disk and `shoplake logs kafka`; restore the partition from a backup",
        ) from error
    except (*REFUSALS, IllegalOperation) as error:  # IllegalOperation: a producer was fenced between two sends
        raise StreamHalted(
            f"{where} refused the request: {error or type(error).__name__}",
            fix="is this the right cluster, and the right login?",
        ) from error
    except (KafkaError, TimeoutError, OSError) as error:
        raise LogUnavailable(
            f"{where} did not answer as expected: {error or type(error).__name__}",
            fix="is it running? `shoplake status`",
        ) from error


def all_topics(partitions: int, replication: int) -> list[NewTopic]:
    """Every topic of the platform, with its configuration; `partitions` is for events and dead letters."""
    return [
        *(NewTopic(name, partitions, replication, topic_configs=_KEEP) for name in TOPICS),
        NewTopic(DEAD_LETTERS, partitions, replication, topic_configs=_LARGE),
        NewTopic(CONTRACTS, 1, replication, topic_configs=_LARGE),
        *(
            NewTopic(name, 1, replication, topic_configs=_COMPACT)
            for name in (PUBLISH_PROGRESS, DEAD_LETTER_PROGRESS, OUTCOMES)
        ),
    ]


async def create_topics(cluster: KafkaSettings, *, partitions: int = PARTITIONS) -> None:
    """Create all missing topics: events, contract versions, dead letters, and progress. Idempotent.

    Raises:
        StreamHalted: Kafka did not answer or refused.
    """
    wanted = all_topics(partitions, cluster.replication)
    async with answering(cluster):
        admin = AIOKafkaAdminClient(**client_options(cluster), request_timeout_ms=REQUEST_TIMEOUT_MS)
        await admin.start()
        try:
            answer = await admin.create_topics(wanted)
            refused = {topic: for_code(code) for topic, code, *_ in answer.topic_errors if code}
            for topic, reason in refused.items():
                if reason is not TopicAlreadyExistsError:
                    raise StreamHalted(f"Kafka refused topic {topic}: {reason.__name__}")
            await _refuse_unfit(admin, [topic for topic in wanted if topic.name in refused])
        finally:
            await admin.close()


async def _refuse_unfit(admin: AIOKafkaAdminClient, wanted: Iterable[NewTopic]) -> None:
    """Check the configuration of topics that existed before.

    An event topic may have any number of partitions, because all clients ask for it.

    Raises:
        StreamHalted: with its configuration a topic would lose records, refuse large ones, or lose their order.
    """
    topics = {topic.name: topic for topic in wanted}
    if not topics:
        return
    for found in await _descriptions(admin, list(topics)):
        count, name = len(found["partitions"]), found["topic"]
        if topics[name].num_partitions == 1 and count > 1:
            raise StreamHalted(
                f"expected topic {name} with 1 partition, which keeps all records in order, found {count}",
                fix="delete the topic, if it holds no records of shoplake, and run the command again",
            )
    asked = [ConfigResource(ConfigResourceType.TOPIC, t.name, dict.fromkeys(t.topic_configs)) for t in topics.values()]
    for code, _, _, name, entries in await _configurations(admin, asked):
        # Without permission to read the configuration (code is not 0), the topic is accepted as it is.
        for setting, value, *_ in entries if code == 0 else ():
            expected = topics[name].topic_configs.get(setting, value)
            if not _is_sufficient(setting, value, expected):
                raise StreamHalted(
                    f"expected topic {name} with {setting}={expected}, found {setting}={value}",
                    fix=f"check whether records are missing already, then run `kafka-configs.sh --alter "
                    f"--entity-type topics --entity-name {name} --add-config {setting}={expected}`",
                )


async def _configurations(admin: AIOKafkaAdminClient, asked: list[ConfigResource]) -> list[tuple[Any, ...]]:
    """The configurations of topics that exist."""

    async def ask() -> tuple[list[tuple[Any, ...]], list[str]]:
        found = [resource for answer in await admin.describe_configs(asked) for resource in answer.resources]
        return found, [name for code, _, _, name, _ in found if for_code(code) is UnknownTopicOrPartitionError]

    return await _known(ask)


async def _descriptions(admin: AIOKafkaAdminClient, names: list[str]) -> list[dict[str, Any]]:
    """Topics that exist, with their partitions."""

    async def ask() -> tuple[list[dict[str, Any]], list[str]]:
        found = await admin.describe_topics(names)
        return found, [one["topic"] for one in found if for_code(one["error_code"]) is UnknownTopicOrPartitionError]

    return await _known(ask)


async def _known(ask: Callable[[], Awaitable[tuple[T, list[str]]]]) -> T:
    """Ask about topics until the broker knows all: one that was made a moment ago may be unknown to it.

    Args:
        ask: returns the answer, and the topics that are unknown.

    Raises:
        StreamHalted: it does not know one after some seconds.
    """
    unknown: list[str] = []
    for _ in range(METADATA_ATTEMPTS):
        found, unknown = await ask()
        if not unknown:
            return found
        await asyncio.sleep(METADATA_PAUSE_S)
    raise StreamHalted(f"Kafka does not know topic {unknown[0]}, which exists", fix="run the same command again")


def _is_sufficient(setting: str, value: str, expected: str) -> bool:
    """Whether a setting of an existing topic is at least as good as the one of a new topic."""
    if setting == "max.message.bytes":
        return int(value) >= int(expected)
    return setting == "segment.ms" or value == expected  # segment.ms only decides how soon a topic is compacted


def consumer(
    cluster: KafkaSettings, *, group: str | None = None, member: str | None = None, topics: Iterable[str] = ()
) -> AIOKafkaConsumer:
    """Create a consumer of committed records, without automatic commit and without automatic offset reset.

    Args:
        cluster: the Kafka cluster.
        group: its consumer group; None for a consumer without a group.
        member: its static member id (`group.instance.id`); no other running consumer may have it.
        topics: topics to subscribe to.
    """
    prepare_consumers()
    settings: dict[str, Any] = {
        **client_options(cluster),
        "group_id": group,
        "group_instance_id": member,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "session_timeout_ms": 6_000,  # the broker's minimum: after it the partitions of a killed sink are free again
        "heartbeat_interval_ms": 1_500,
        # The longest time that a rebalance waits for a member that is still writing its last batch to the store.
        "rebalance_timeout_ms": 30_000,
        "max_poll_interval_ms": 300_000,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "max_partition_fetch_bytes": 2 * 1024 * 1024,
        "fetch_max_wait_ms": 100,
    }
    return AIOKafkaConsumer(*topics, **settings)


async def committed_records(cluster: KafkaSettings, topic: str) -> AsyncIterator[list[ConsumerRecord[Any, Any]]]:
    """Read the records of a topic that are committed now, in chunks, in order of offset within each partition.

    Raises:
        StreamHalted: Kafka did not answer, or does not have the topic.
    """
    async with answering(cluster), consumer(cluster) as reader:
        if topic not in await reader.topics():
            raise StreamHalted(f"Kafka has no topic {topic}", fix="run `shoplake up`, which creates it")
        await reader._client.set_topics([topic])
        partitions = [TopicPartition(topic, p) for p in reader.partitions_for_topic(topic) or ()]
        reader.assign(partitions)
        begins, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
        for partition in partitions:
            reader.seek(partition, begins[partition])
        # Compare positions, not offsets of records: transaction markers take offsets, and compaction leaves gaps.
        silent = 0
        while any([await reader.position(partition) < end for partition, end in ends.items()]):
            found = await reader.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            silent = 0 if found else silent + 1
            if silent > SILENT_POLLS:
                raise StreamHalted(
                    f"expected more records of {topic}, found none in {SILENT_POLLS} polls",
                    fix="look at `shoplake logs kafka`",
                )
            for records in found.values():
                yield records


async def newest_records(cluster: KafkaSettings, topic: str) -> dict[bytes, ConsumerRecord[Any, Any]]:
    """Read the newest record of each key of a compacted topic. A newest record without a value deletes its key.

    Records without a key are ignored.

    Raises:
        StreamHalted: Kafka did not answer, or does not have the topic.
    """
    newest: dict[bytes, ConsumerRecord[Any, Any]] = {}
    async for records in committed_records(cluster, topic):
        for record in records:
            if record.key is None:
                continue
            newest.pop(record.key, None)
            if record.value is not None:
                newest[record.key] = record
    return newest


async def records_to_end(cluster: KafkaSettings, topic: str, *, last: int | None = None) -> list[ConsumerRecord]:
    """Read a topic of one partition up to its current end. Waits until transactions that are open now have ended.

    Args:
        cluster: the Kafka cluster.
        topic: name of the topic.
        last: read only this number of offsets before the end; None reads all.

    Raises:
        StreamHalted: Kafka does not have the topic, or refused.
        LogUnavailable: Kafka did not answer, or a transaction stayed open.
    """
    partition = TopicPartition(topic, 0)
    every = AIOKafkaConsumer(**client_options(cluster), isolation_level="read_uncommitted")
    reader = consumer(cluster)
    found: list[ConsumerRecord] = []
    async with answering(cluster), every, reader:
        for _ in range(METADATA_ATTEMPTS):  # a new topic is not known to every broker at once
            if topic in await reader.topics():
                break
            await asyncio.sleep(METADATA_PAUSE_S)
        else:
            raise StreamHalted(f"Kafka has no topic {topic}", fix="run `shoplake up` (on AWS `shoplake migrate`)")
        reader.assign([partition])
        begin = (await reader.beginning_offsets([partition]))[partition]
        end = (await every.end_offsets([partition]))[partition]
        reader.seek(partition, begin if last is None else max(begin, end - last))
        try:
            async with asyncio.timeout(OPEN_TRANSACTION_TIMEOUT_S):
                while await reader.position(partition) < end:
                    found += (await reader.getmany(timeout_ms=POLL_MS)).get(partition, ())
        except TimeoutError as error:
            raise LogUnavailable(
                f"a transaction stayed open in the topic {topic} for {OPEN_TRANSACTION_TIMEOUT_S} s",
                fix="only `shoplake` should write to this topic; run the same command again",
            ) from error
    return found


async def partitions_of_topics(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    """List all partitions of these topics.

    Raises:
        KafkaError: Kafka did not answer, or does not have a topic.
    """
    wanted = list(topics)
    await consumer._client.set_topics(wanted)
    found = {topic: consumer.partitions_for_topic(topic) for topic in wanted}
    if missing := [topic for topic, partitions in found.items() if not partitions]:
        raise UnknownTopicOrPartitionError(f"there is no topic {', '.join(missing)}")
    return [TopicPartition(topic, number) for topic, partitions in found.items() for number in sorted(partitions or ())]


async def leave(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer and let it leave its group. aiokafka does not send LeaveGroup for a static member."""
    consumer._coordinator._group_instance_id = None
    await stop(consumer)


async def stop(client: Any) -> None:  # noqa: ANN401 - a consumer or a producer; aiokafka is untyped
    """Stop a client in bounded time. A client with unsent requests would otherwise wait for an unavailable broker."""
    stopping = asyncio.ensure_future(client.stop())
    done, _ = await asyncio.wait({stopping}, timeout=STOP_TIMEOUT_S)
    if not done:
        stopping.cancel()
    elif not stopping.cancelled() and (error := stopping.exception()) is not None:
        logging.getLogger(__name__).info("a Kafka client failed while it was stopping: %r", error)


def silence_failure(delivery: asyncio.Future[Any]) -> asyncio.Future[Any]:
    """Keep asyncio from reporting a failed delivery that nobody awaits.

    After a first failure, hundreds of deliveries can fail too. The first error is raised; the others say nothing new.
    """
    delivery.add_done_callback(lambda done: None if done.cancelled() else done.exception())
    return delivery


async def stable_end_offsets(cluster: KafkaSettings, topics: Iterable[str]) -> dict[TopicPartition, int]:
    """The end offsets of the topics. Waits until no transaction is open in them.

    Kafka acknowledges a commit before the transaction markers are in the log. Without the wait, a reader could miss the
    last events.

    Raises:
        TimeoutError: a transaction stayed open, so a program is publishing.
        KafkaError: Kafka did not answer, or does not have a topic.
    """
    every = AIOKafkaConsumer(**client_options(cluster), isolation_level="read_uncommitted")
    committed = consumer(cluster)
    async with asyncio.timeout(STABLE_TIMEOUT_S), every, committed:
        partitions = await partitions_of_topics(committed, topics)
        while (ends := await committed.end_offsets(partitions)) != await every.end_offsets(partitions):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    found: dict[TopicPartition, int] = ends
    return found
