"""The topics as Kafka holds them, and how consumers of this project are set up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

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
SETTLE_TIMEOUT_S = 30
KNOWN_LOOKS, KNOWN_PAUSE_S = 30, 0.1
# Longer than the transactions of those who write what is read to the end: a killed one's is aborted by then.
OPEN_TIMEOUT_S = 90
POLL_MS = 500
POLL_RECORDS = 10_000
SILENT_POLLS = 60
STOP_TIMEOUT_S = 3

# What stays so however often it is tried. All else that a client raises may be a broker that is not there yet.
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

# The log is what everything else is a fold of, and a record's timestamp is its event's: with Kafka's defaults, events
# of last month would be deleted as they arrive, and events an hour ahead of the broker's clock refused.
_KEEP = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
_LARGE = _KEEP | {"max.message.bytes": str(4 * 1024 * 1024)}
_COMPACT = {"cleanup.policy": "compact", "segment.ms": "86400000"}


def client_options(cluster: KafkaSettings) -> dict[str, Any]:
    """Address and login, as every client of aiokafka takes them."""
    address = {"bootstrap_servers": cluster.bootstrap_servers}
    if cluster.login == "none":
        return address
    from shoplake import iam_auth  # imports boto3

    return address | iam_auth.kafka_options()


@contextlib.asynccontextmanager
async def answering(cluster: KafkaSettings) -> AsyncIterator[None]:
    """Turns what the client raises into one clear error.

    Raises:
        LogUnavailable: Kafka did not answer, or cannot for the moment.
        StreamHalted: it refused what it will refuse again.
    """
    where = f"Kafka at {cluster.bootstrap_servers}"
    try:
        yield
    except CorruptRecordException as error:
        raise StreamHalted(
            f"{where} sent records whose bytes are damaged: {error}",
            fix="look at the broker's disk and `shoplake logs kafka`; bring the partition back from a copy",
        ) from error
    except (*REFUSALS, IllegalOperation) as error:  # the second: a producer that was fenced between two sends
        raise StreamHalted(
            f"{where} refused: {error or type(error).__name__}", fix="is this the right cluster, and the right login?"
        ) from error
    except (KafkaError, TimeoutError, OSError) as error:
        raise LogUnavailable(
            f"{where} did not answer as expected: {error or type(error).__name__}",
            fix="is it running? `shoplake status`",
        ) from error


async def create_topics(cluster: KafkaSettings, *, partitions: int = PARTITIONS) -> None:
    """Make all topics that are not there: of events, of contract versions, of dead letters, and of bookkeeping.

    Raises:
        StreamHalted: Kafka did not answer or refused.
    """
    replication = cluster.replication
    wanted = [NewTopic(name, partitions, replication, topic_configs=_KEEP) for name in TOPICS]
    wanted.append(NewTopic(DEAD_LETTERS, partitions, replication, topic_configs=_LARGE))
    wanted.append(NewTopic(CONTRACTS, 1, replication, topic_configs=_LARGE))
    wanted += [
        NewTopic(name, 1, replication, topic_configs=_COMPACT)
        for name in (PUBLISH_PROGRESS, DEAD_LETTER_PROGRESS, OUTCOMES)
    ]
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
    """Hold topics that were there before against what they have to be.

    The number of partitions of an event topic is its own: everything that reads or writes it asks for it.

    Raises:
        StreamHalted: one would lose records, refuse some that have to fit, or lose their order.
    """
    topics = {topic.name: topic for topic in wanted}
    if not topics:
        return
    for found in await admin.describe_topics(list(topics)):
        count, name = len(found["partitions"]), found["topic"]
        if topics[name].num_partitions == 1 and count > 1:
            raise StreamHalted(
                f"topic {name} was there before with {count} partitions, and needs the order of a single one",
                fix="delete the topic, if nothing of ours is in it, and run the command again",
            )
    asked = [ConfigResource(ConfigResourceType.TOPIC, t.name, dict.fromkeys(t.topic_configs)) for t in topics.values()]
    for answer in await admin.describe_configs(asked):
        for code, _, _, name, entries in answer.resources:
            # Without the right to see settings nothing is known, and the topic is taken as it is.
            for setting, value, *_ in entries if code == 0 else ():
                expected = topics[name].topic_configs.get(setting, value)
                if not _serves(setting, value, expected):
                    raise StreamHalted(
                        f"topic {name} was there before with {setting}={value}, and {setting}={expected} is needed",
                        fix=f"`kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config "
                        f"{setting}={expected}`, after a look at whether records are gone already",
                    )


def _serves(setting: str, value: str, expected: str) -> bool:
    """Whether a topic's setting is as good as the one that it would be made with."""
    if setting == "max.message.bytes":
        return int(value) >= int(expected)
    return setting == "segment.ms" or value == expected  # how soon a topic is compacted is nobody's loss


def consumer(
    cluster: KafkaSettings, *, group: str | None = None, member: str | None = None, topics: Iterable[str] = ()
) -> AIOKafkaConsumer:
    """A consumer of committed events that never moves by itself: no automatic commit, no automatic reset.

    Args:
        cluster: Kafka.
        group: that it is a member of; None reads by itself.
        member: the name under which the group knows it again after its death; nobody else alive may have it.
        topics: to read.
    """
    prepare_consumers()
    settings: dict[str, Any] = {
        **client_options(cluster),
        "group_id": group,
        "group_instance_id": member,
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "session_timeout_ms": 6_000,  # the least a broker allows: a killed sink's partitions are free again after it
        "heartbeat_interval_ms": 1_500,
        # A rebalance waits so long for a member that is bringing its last batch into the store.
        "rebalance_timeout_ms": 30_000,
        "max_poll_interval_ms": 300_000,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "max_partition_fetch_bytes": 2 * 1024 * 1024,
        "fetch_max_wait_ms": 100,
    }
    return AIOKafkaConsumer(*topics, **settings)


async def committed_records(cluster: KafkaSettings, topic: str) -> AsyncIterator[list[ConsumerRecord[Any, Any]]]:
    """What a topic holds that is committed now, some records at a time, each partition's in order of offset.

    Raises:
        StreamHalted: Kafka did not answer, or lacks the topic.
    """
    async with answering(cluster), consumer(cluster) as reader:
        if topic not in await reader.topics():
            raise StreamHalted(f"Kafka has no topic {topic}", fix="run `shoplake up`, which makes it")
        await reader._client.set_topics([topic])
        partitions = [TopicPartition(topic, p) for p in reader.partitions_for_topic(topic) or ()]
        reader.assign(partitions)
        begins, ends = await reader.beginning_offsets(partitions), await reader.end_offsets(partitions)
        for partition in partitions:
            reader.seek(partition, begins[partition])
        # By position, not by record: transaction markers take offsets, and compaction leaves gaps.
        silent = 0
        while any([await reader.position(partition) < end for partition, end in ends.items()]):
            found = await reader.getmany(timeout_ms=POLL_MS, max_records=POLL_RECORDS)
            silent = 0 if found else silent + 1
            if silent > SILENT_POLLS:
                raise StreamHalted(f"Kafka sent no more of {topic}, which goes on", fix="`shoplake logs kafka`")
            for records in found.values():
                yield records


async def newest_records(cluster: KafkaSettings, topic: str) -> dict[bytes, ConsumerRecord[Any, Any]]:
    """The newest record of each key of a compacted topic. A key whose newest record has no value is deleted.

    Records without a key are left out: there is nothing that they could be the newest of.

    Raises:
        StreamHalted: Kafka did not answer, or lacks the topic.
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


async def settled_records(cluster: KafkaSettings, topic: str, *, last: int | None = None) -> list[ConsumerRecord]:
    """What a topic of one partition holds up to its end now, committed or not: it waits for what is open.

    Args:
        cluster: Kafka.
        topic: whose records.
        last: only from so many offsets before the end on.

    Raises:
        StreamHalted: Kafka lacks the topic, or refused.
        LogUnavailable: Kafka did not answer, or a transaction stayed open.
    """
    partition = TopicPartition(topic, 0)
    every = AIOKafkaConsumer(**client_options(cluster), isolation_level="read_uncommitted")
    reader = consumer(cluster)
    found: list[ConsumerRecord] = []
    async with answering(cluster), every, reader:
        for _ in range(KNOWN_LOOKS):  # a topic that was just made is not known to every broker yet
            if topic in await reader.topics():
                break
            await asyncio.sleep(KNOWN_PAUSE_S)
        else:
            raise StreamHalted(f"Kafka has no topic {topic}", fix="run `shoplake up` (on AWS `shoplake migrate`)")
        reader.assign([partition])
        begin = (await reader.beginning_offsets([partition]))[partition]
        end = (await every.end_offsets([partition]))[partition]
        reader.seek(partition, begin if last is None else max(begin, end - last))
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                while await reader.position(partition) < end:
                    found += (await reader.getmany(timeout_ms=POLL_MS)).get(partition, ())
        except TimeoutError as error:
            raise LogUnavailable(
                f"a transaction stayed open in the topic {topic} for {OPEN_TIMEOUT_S} s",
                fix="only `shoplake` should write there; run the same command again",
            ) from error
    return found


async def partitions_of_topics(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    """All partitions of these topics, as many as each has.

    Raises:
        KafkaError: Kafka did not answer, or lacks a topic.
    """
    wanted = list(topics)
    await consumer._client.set_topics(wanted)
    found = {topic: consumer.partitions_for_topic(topic) for topic in wanted}
    if missing := [topic for topic, partitions in found.items() if not partitions]:
        raise UnknownTopicOrPartitionError(f"there is no topic {', '.join(missing)}")
    return [TopicPartition(topic, number) for topic, partitions in found.items() for number in sorted(partitions or ())]


async def leave(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, and tell its group, which aiokafka does not do for one that has a name there."""
    consumer._coordinator._group_instance_id = None
    await stop(consumer)


async def stop(client: Any) -> None:  # noqa: ANN401 - a consumer or a producer; aiokafka is untyped
    """Stop a client, in bounded time: one that has something to say to a broker that is away would say it for ever."""
    stopping = asyncio.ensure_future(client.stop())
    done, _ = await asyncio.wait({stopping}, timeout=STOP_TIMEOUT_S)
    if not done:
        stopping.cancel()
    elif not stopping.cancelled() and (error := stopping.exception()) is not None:
        logging.getLogger(__name__).info("a Kafka client did not stop in order: %r", error)


def told_elsewhere(delivery: asyncio.Future[Any]) -> asyncio.Future[Any]:
    """A delivery that may fail after another one has: that one's error is the one to act on.

    Left alone, asyncio would report each of them: hundreds, after the message that says what happened.
    """
    delivery.add_done_callback(lambda done: None if done.cancelled() else done.exception())
    return delivery


async def settled_ends(cluster: KafkaSettings, topics: Iterable[str]) -> dict[TopicPartition, int]:
    """Where the topics end, once no transaction is open in them.

    A commit is answered before its markers are in the log: who reads at once would miss the last events.

    Raises:
        TimeoutError: a transaction stayed open, so somebody is publishing.
        KafkaError: Kafka did not answer, or lacks a topic.
    """
    every = AIOKafkaConsumer(**client_options(cluster), isolation_level="read_uncommitted")
    committed = consumer(cluster)
    async with asyncio.timeout(SETTLE_TIMEOUT_S), every, committed:
        partitions = await partitions_of_topics(committed, topics)
        while (ends := await committed.end_offsets(partitions)) != await every.end_offsets(partitions):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    found: dict[TopicPartition, int] = ends
    return found
