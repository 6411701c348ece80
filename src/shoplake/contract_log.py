"""Read and write the contract versions in Kafka.

Every program that validates events reads them; `up`, and the publisher of a newer contract, write them.

A version starts at an exact offset of each partition. One transaction writes a marker record into every partition of
events, and the version with the markers' offsets into the topic `contracts`. Both are committed together, so a consumer
that has read past a marker can always read the version.
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
# The broker aborts the transaction of a killed writer after this time; until then readers wait.
TRANSACTION_TIMEOUT_MS = 10_000
MAX_REQUEST_BYTES = 4 * 1024 * 1024
ATTEMPTS = 8
PAUSE_S = 1.0


async def prepare(cluster: KafkaSettings, *, partitions: int = kafka.PARTITIONS) -> None:
    """Create all topics, and write the first contract version into a new log. Idempotent.

    Raises:
        StreamHalted: Kafka did not answer or refused.
    """
    await kafka.create_topics(cluster, partitions=partitions)
    if not await _versions(cluster):
        await _write(cluster, first=True)


async def read(cluster: KafkaSettings) -> History:
    """Read all contract versions of the log. Waits for a version that is being written.

    Raises:
        ContractConflict: this program's contract does not belong to this log.
        StreamHalted: the log has no contract version.
        LogUnavailable: Kafka did not answer, or a transaction stayed open.
    """
    return _history(await _versions(cluster))


async def activate(cluster: KafkaSettings) -> Version:
    """Put this program's contract into force, at the current end of each partition, if the log has an older version.

    Returns:
        The newest version in the log: this program's, or a newer one that accepts its events.

    Raises:
        ContractConflict: this contract is not compatible with the version in force, or the newer version does not
            accept its events.
        StreamHalted, LogUnavailable: Kafka refused, or did not answer.
    """
    newest = _history(await _versions(cluster)).newest
    if newest.version < own_version():
        newest = await _write(cluster, first=False)
    if newest.version > own_version():
        _refuse_unfit(newest)
    return newest


def refuse_newer(known: History) -> None:
    """Raise if a part of the log has a contract version that this program cannot read.

    Raises:
        NewerContract: with both version numbers.
    """
    if known.unreadable is not None:
        raise newer(known)


def newer(known: History) -> NewerContract:
    """The error for a log whose contract is newer than this program's."""
    number = known.unreadable.version if known.unreadable else known.newest.version
    return NewerContract(
        f"the log has contract version {number}, and this program knows version {own_version()}",
        fix="upgrade this program: only a newer release can validate the events from there on",
    )


def _history(versions: list[Version]) -> History:
    if not versions:
        raise StreamHalted("the log has no contract version", fix="run `shoplake up` (on AWS `shoplake migrate`)")
    try:
        return History(versions)
    except ValueError as error:
        raise ContractConflict(
            str(error),
            fix="`shoplake contract check` compares contracts, `shoplake contract accept` assigns a new version number",
        ) from error


async def _versions(cluster: KafkaSettings) -> list[Version]:
    """Read every version up to the end of the topic; waits for open transactions."""
    records = await kafka.records_to_end(cluster, CONTRACTS)
    return [version for record in records if (version := _version(record.value)) is not None]


def _version(value: bytes | None) -> Version | None:
    """Decode a version; None for any other record: other clients may write to the topic, and records stay there."""
    try:
        return msgspec.json.decode(value or b"", type=Version)
    except (msgspec.DecodeError, RecursionError):
        return None


async def _write(cluster: KafkaSettings, *, first: bool) -> Version:
    """Write this program's version, unless another program has written it; returns the newest version."""
    for attempt in range(1, ATTEMPTS + 1):
        with contextlib.suppress(_FencedError):
            async with _producer(cluster) as producer:
                # Read after fencing other writers: what they began is committed or aborted, and they write no more.
                if newest := await _done(cluster, first=first):
                    return newest
                return await _transaction(producer, first=first)
        await asyncio.sleep(jittered(PAUSE_S * attempt))
        if newest := await _done(cluster, first=first):  # no need to fence a writer that has finished
            return newest
    raise LogUnavailable(
        f"other programs were writing contract versions at all {ATTEMPTS} attempts", fix="run the same command again"
    )


async def _done(cluster: KafkaSettings, *, first: bool) -> Version | None:
    """The newest version, if there is nothing to write; else None."""
    versions = await _versions(cluster)
    if first:
        return versions[-1] if versions else None
    newest = _history(versions).newest  # refuses an incompatible contract
    return newest if newest.version >= own_version() else None


class _FencedError(Exception):
    """Another program has started to write versions and fenced this one."""


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
            except (ProducerFenced, IllegalOperation) as error:  # IllegalOperation: it was fenced between two sends
                raise _FencedError from error
    finally:
        await kafka.stop(producer)


async def _transaction(producer: Any, *, first: bool) -> Version:  # noqa: ANN401 - aiokafka is untyped
    """Write markers and version in one transaction. If it fails, the start of the next producer aborts it."""
    await producer.begin_transaction()
    failpoints.hit("contracts.write.before")
    starts = {} if first else await _mark(producer)
    version = Version(version=own_version(), digest=digest(), contract=export(), starts=starts)
    failpoints.hit("contracts.checkpoint.before")
    await producer.send_and_wait(CONTRACTS, msgspec.json.encode(version), str(version.version).encode())
    failpoints.hit("contracts.commit.before")
    await producer.commit_transaction()
    failpoints.hit("contracts.commit.after")
    return version


async def _mark(producer: Any) -> dict[str, list[int]]:  # noqa: ANN401
    """Write a marker into every partition of events; returns their offsets."""
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
            f"the log has contract version {newest.version}, which does not accept every event of version "
            f"{own_version()}: " + "; ".join(f"{change.where}: {change.kind}" for change in refused[:3]),
            fix="publish with the newer release",
        )
