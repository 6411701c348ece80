"""The contract versions in Kafka: read by every program that decides what a valid event is, written by `up` and by the
publisher of a newer contract.

A version begins at an exact place of each partition: one transaction writes a marker record into every partition of
events, and the version with the markers' offsets into the topic `contracts`. Who has passed a marker can always read
the version, since both are committed together.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, ProducerFenced

from shoplake import failpoints, kafka
from shoplake.backoff import jittered
from shoplake.contract import CONTRACTS, MARKER, TOPICS, compatibility, export
from shoplake.contract.history import History, Version
from shoplake.contract.schema import digest, own_version
from shoplake.errors import ContractConflict, LogUnavailable, NewerContract, StreamHalted

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

TRANSACTIONAL_ID = "shoplake-contracts"
# What a killed writer leaves open ends after so long; readers wait there until it does.
TRANSACTION_TIMEOUT_MS = 10_000
MAX_REQUEST_BYTES = 4 * 1024 * 1024
ATTEMPTS = 8
PAUSE_S = 1.0


async def prepare(cluster: KafkaSettings, *, partitions: int = kafka.PARTITIONS) -> None:
    """Make all topics, and put the first version of the contract into a new log; harmless when repeated.

    Raises:
        StreamHalted: Kafka did not answer or refused.
    """
    await kafka.create_topics(cluster, partitions=partitions)
    if not await _versions(cluster):
        await _write(cluster, first=True)


async def read(cluster: KafkaSettings) -> History:
    """All versions of the log; those that are being written are waited for.

    Raises:
        ContractConflict: this program's contract is not of this log.
        StreamHalted: the log has no contract version.
        LogUnavailable: Kafka did not answer, or a transaction stayed open.
    """
    return _history(await _versions(cluster))


async def activate(cluster: KafkaSettings) -> Version:
    """Bring this program's contract into force, at the present end of each partition, where the log has an older one.

    Returns:
        The newest version that is in the log: this program's, or a newer one that its events fit.

    Raises:
        ContractConflict: it cannot follow the version in force, or its events do not fit the newer one.
        StreamHalted, LogUnavailable: Kafka refused, or did not answer.
    """
    newest = _history(await _versions(cluster)).newest
    if newest.version < own_version():
        newest = await _write(cluster, first=False)
    if newest.version > own_version():
        _refuse_unfit(newest)
    return newest


def refuse_newer(known: History) -> None:
    """Raise where a part of the log is under a version that this program cannot read.

    Raises:
        NewerContract: saying which.
    """
    if known.unreadable is not None:
        raise newer(known)


def newer(known: History) -> NewerContract:
    """The error that says that the log is under a newer contract than this program's."""
    number = known.unreadable.version if known.unreadable else known.newest.version
    return NewerContract(
        f"the log is under contract version {number}, and this program knows version {own_version()}",
        fix="upgrade this program: which events are valid from there on, only a newer release can say",
    )


def _history(versions: list[Version]) -> History:
    if not versions:
        raise StreamHalted("the log has no contract version", fix="run `shoplake up` (on AWS `shoplake migrate`)")
    try:
        return History(versions)
    except ValueError as error:
        raise ContractConflict(
            str(error),
            fix="`shoplake contract check` compares contracts, `shoplake contract accept` gives a new number",
        ) from error


async def _versions(cluster: KafkaSettings) -> list[Version]:
    """Every record that is a version, up to where the topic ends whether that is committed or not."""
    records = await kafka.settled_records(cluster, CONTRACTS)
    return [version for record in records if (version := _version(record.value)) is not None]


def _version(value: bytes | None) -> Version | None:
    """None for what is no version: anybody may write to the topic, and no record of it can be taken out."""
    try:
        return msgspec.json.decode(value or b"", type=Version)
    except (msgspec.DecodeError, RecursionError):
        return None


async def _write(cluster: KafkaSettings, *, first: bool) -> Version:
    """One more version, unless somebody else was faster; gives the newest."""
    for attempt in range(1, ATTEMPTS + 1):
        with contextlib.suppress(_OvertakenError):
            async with _producer(cluster) as producer:
                # Read behind the take-over: what another writer had begun is committed or gone, and it writes no more.
                if newest := await _done(cluster, first=first):
                    return newest
                return await _transaction(producer, first=first)
        await asyncio.sleep(jittered(PAUSE_S * attempt))
        if newest := await _done(cluster, first=first):  # whoever was faster need not be taken over
            return newest
    raise LogUnavailable(f"others wrote contract versions {ATTEMPTS} times meanwhile", fix="run the same command again")


async def _done(cluster: KafkaSettings, *, first: bool) -> Version | None:
    """The newest version, if nothing is left to write."""
    versions = await _versions(cluster)
    if first:
        return versions[-1] if versions else None
    newest = _history(versions).newest  # refuses what cannot follow
    return newest if newest.version >= own_version() else None


class _OvertakenError(Exception):
    """Another program began to write versions."""


@contextlib.asynccontextmanager
async def _producer(cluster: KafkaSettings) -> AsyncIterator[Any]:
    producer = AIOKafkaProducer(
        **kafka.client_options(cluster),
        transactional_id=TRANSACTIONAL_ID,
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        request_timeout_ms=kafka.REQUEST_TIMEOUT_MS,
        max_request_size=MAX_REQUEST_BYTES,
    )
    try:
        async with kafka.answering(cluster):
            try:
                await producer.start()
                yield producer
            except (ProducerFenced, IllegalOperation) as error:  # the second, when it was fenced between two sends
                raise _OvertakenError from error
    finally:
        await kafka.stop(producer)


async def _transaction(producer: Any, *, first: bool) -> Version:  # noqa: ANN401 - aiokafka is untyped
    """Markers and version, both or neither. It is not aborted when it fails: the next producer's start does that."""
    await producer.begin_transaction()
    failpoints.reach("contracts.write.before")
    starts = {} if first else await _mark(producer)
    version = Version(version=own_version(), digest=digest(), contract=export(), starts=starts)
    failpoints.reach("contracts.checkpoint.before")
    await producer.send_and_wait(CONTRACTS, msgspec.json.encode(version), str(version.version).encode())
    failpoints.reach("contracts.commit.before")
    await producer.commit_transaction()
    failpoints.reach("contracts.commit.after")
    return version


async def _mark(producer: Any) -> dict[str, list[int]]:  # noqa: ANN401
    """A marker into every partition of events; gives their offsets."""
    headers = [(MARKER, str(own_version()).encode())]
    sent = {
        topic: [
            await producer.send(topic, key=MARKER.encode(), partition=partition, headers=headers)
            for partition in sorted(await producer.partitions_for(topic))
        ]
        for topic in TOPICS
    }
    return {topic: [(await delivered).offset for delivered in futures] for topic, futures in sent.items()}


def _refuse_unfit(newest: Version) -> None:
    changes = compatibility.compare(export(), newest.contract)
    if refused := [change for change in changes if not change.compatible]:
        raise ContractConflict(
            f"the log is under contract version {newest.version}, which does not take every event of version "
            f"{own_version()}: " + "; ".join(f"{change.where}: {change.kind}" for change in refused[:3]),
            fix="publish with the newer release",
        )
