"""Publish the simulator's events to Kafka: one transaction per window, resumed after the last commit."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import polars as pl
from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError, ProducerFenced

import shopsim
from shoplake import contract_log, failpoints, kafka
from shoplake.contract import PUBLISH_PROGRESS, TOPICS
from shoplake.contract.partitioner import partitions_of
from shoplake.errors import PublishError
from shoplake.publish.progress_records import Published, progress_of
from shoplake.publish.rate_limit import Clock, Pace, SystemClock, paced
from shoplake.publish.run import OnProgress, Run
from shoplake.terminal import to_stderr

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

# 580 MB/s, to a seventh of the size; aiokafka's lz4, whose level cannot be chosen, 100 MB/s and a fifth.
COMPRESSION = "zstd"
BATCH_BYTES = 512 * 1024
TRANSACTION_TIMEOUT_MS = 120_000
IN_FLIGHT_BATCHES = 64
# A broker that is restarted is back in seconds. After the second, it would have aborted the transaction itself.
SILENT_S = 10.0
GIVE_UP_S = 120.0
LOOK_S = 0.5


async def publish(
    cluster: KafkaSettings,
    run: Run,
    *,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    clock: Clock | None = None,
    watch: OnProgress | None = None,
    say: Callable[[str], None] = to_stderr,
) -> Published:
    """Publish the rest of a run. Events that are in the log already are not sent again.

    Args:
        cluster: Kafka.
        run: which records.
        pace: the rate limit. Default: as fast as Kafka accepts.
        clock: what the pace goes by; the machine's by default.
        watch: called once at the start, and after each transaction.
        say: called if Kafka has not answered for some seconds.

    Raises:
        PublishError: Kafka is away for two minutes, another publisher took over, or the log holds another version of
            this run.
        ContractConflict: the contract in force does not take this program's events, and cannot be followed by its own.
    """
    on_progress: OnProgress = watch or (lambda *_: None)
    async with _producer(cluster, run.publisher) as producer:
        done = await progress_of(cluster, run.publisher) or _nothing(run)
        _refuse_other_run(done, run)
        await contract_log.activate(cluster)
        on_progress(done.events, None)
        if run.events is not None and done.events >= run.events:
            return done
        windows = run.stream(shopsim.Position(done.window, done.skip), after=done.events)
        partitions = {topic: len(await producer.partitions_for(topic)) for topic in run.topics}
        parts = paced(windows, pace, clock or SystemClock())
        with contextlib.closing(windows):  # also when interrupted: its workers end with it
            async with contextlib.aclosing(parts):
                async for part in parts:
                    done = _after(done, part)
                    await _publish_with_timeout(_Window(producer, part.rows, done, partitions), cluster, say)
                    on_progress(done.events, part)
        # When this returns, readers see the events. Somebody else's open transaction is not waited out.
        with contextlib.suppress(TimeoutError):
            await kafka.stable_end_offsets(cluster, TOPICS)
        return done


def _nothing(run: Run) -> Published:
    return Published(
        publisher=run.publisher,
        scenario=run.scenario.to_dict(),
        scenario_digest=run.scenario.digest,
        seed=run.seed,
        version=shopsim.VERSION,
        topics=run.topics,
        window=0,
        skip=0,
        events=0,
    )


def _after(done: Published, window: shopsim.EncodedWindow) -> Published:
    return msgspec.structs.replace(
        done, window=window.next.window, skip=window.next.skip, events=done.events + len(window.rows)
    )


def _refuse_other_run(done: Published, run: Run) -> None:
    definition = run.scenario.to_dict()
    found, wanted = done.scenario.get("start"), definition["start"]
    if found != wanted and _same(done.scenario | {"start": wanted}, definition):
        raise PublishError(
            f"the log holds '{run.publisher}' with start {found}, but this run starts on {wanted}",
            fix=f"continue with `--start {found}`, or choose another seed",
        )
    if (run.scenario.digest, shopsim.VERSION) != (done.scenario_digest, done.version):
        raise PublishError(
            f"the log holds '{run.publisher}' of scenario digest {done.scenario_digest[:12]}, simulator version "
            f"{done.version}; this is digest {run.scenario.digest[:12]}, version {shopsim.VERSION}",
            fix="choose another seed, rename the scenario, or start from an empty log (`shoplake down --purge`)",
        )
    if done.topics != run.topics:
        raise PublishError(
            f"the log holds the topics {', '.join(done.topics)} of '{run.publisher}', but this run has "
            f"{', '.join(run.topics)}",
            fix=f"continue with `--topics {','.join(done.topics)}`, or choose another seed",
        )


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether they are the same as JSON, which knows no tuples."""
    return msgspec.json.encode(one, order="sorted") == msgspec.json.encode(other, order="sorted")


@contextlib.asynccontextmanager
async def _producer(cluster: KafkaSettings, publisher: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **kafka.client_options(cluster),
        transactional_id=f"shoplake-publish-{publisher}",
        transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
        compression_type=COMPRESSION,
        max_batch_size=BATCH_BYTES,
        max_request_size=2 * BATCH_BYTES,
        request_timeout_ms=kafka.REQUEST_TIMEOUT_MS,
    )
    try:
        # Starting takes the name over: a publisher that still runs under it is fenced, its open transaction aborted.
        async with asyncio.timeout(GIVE_UP_S):
            await producer.start()
        yield producer
    except (ProducerFenced, IllegalOperation) as error:  # the second, when it was fenced between two sends
        raise PublishError(
            f"another publisher has taken over as '{publisher}'",
            fix="let it finish, then run the command again",
        ) from error
    except (KafkaError, TimeoutError) as error:
        raise _away(cluster, str(error) or type(error).__name__) from error
    finally:
        await kafka.stop(producer)


def _away(cluster: KafkaSettings, why: str) -> PublishError:
    return PublishError(
        f"Kafka at {cluster.bootstrap_servers} did not accept the events: {why}",
        fix="check `shoplake status`, then run the same command again: it continues where it stopped",
    )


class _Window:
    """One transaction: a window's records, and how far the publisher is then.

    Attributes:
        moved_at: when Kafka last took something, by the monotonic clock.
    """

    def __init__(
        self, producer: AIOKafkaProducer, rows: pl.DataFrame, done: Published, partitions: dict[str, int]
    ) -> None:
        self._producer = producer
        self._rows = rows
        self._done = done
        self._partitions = partitions
        self.moved_at = time.monotonic()

    async def publish(self) -> None:
        """Send, and commit. One that fails is aborted, in bounded time; else the next producer's start does it."""
        await self._producer.begin_transaction()
        try:
            await self._send()
            failpoints.hit("publish.commit.before")
            await self._producer.commit_transaction()
        except BaseException:
            aborting = kafka.silence_failure(asyncio.ensure_future(self._abort()))
            await asyncio.wait({aborting}, timeout=kafka.STOP_TIMEOUT_S)
            raise
        failpoints.hit("publish.commit.after")

    async def _send(self) -> None:
        failpoints.hit("publish.write.before")
        pending: deque[asyncio.Future[Any]] = deque()
        for topic, partition, part in _by_partition(self._rows, self._partitions):
            for batch in _batches(self._producer, part):
                sent = await self._producer.send_batch(batch, topic, partition=partition)
                pending.append(kafka.silence_failure(sent))
                if len(pending) >= IN_FLIGHT_BATCHES:
                    await self._taken(pending.popleft())
        failpoints.hit("publish.checkpoint.before")
        value, key = msgspec.json.encode(self._done), self._done.publisher.encode()
        pending.append(kafka.silence_failure(await self._producer.send(PUBLISH_PROGRESS, value, key)))
        for delivered in pending:
            await self._taken(delivered)

    async def _taken(self, delivery: asyncio.Future[Any]) -> None:
        await delivery
        self.moved_at = time.monotonic()

    async def _abort(self) -> None:
        if not self._producer._txn_manager.is_fatal_error():
            await self._producer.abort_transaction()


async def _publish_with_timeout(window: _Window, cluster: KafkaSettings, say: Callable[[str], None]) -> None:
    """Publish a window with a timeout, because the Kafka client would retry forever.

    Raises:
        PublishError: it was.
    """
    publishing = asyncio.ensure_future(window.publish())
    said = False
    try:
        while not (await asyncio.wait({publishing}, timeout=LOOK_S))[0]:
            silent_s = time.monotonic() - window.moved_at
            if silent_s > GIVE_UP_S:
                raise _away(cluster, f"no answer for {GIVE_UP_S:.0f} s")
            if silent_s > SILENT_S and not said:
                said = True
                say(f"Kafka at {cluster.bootstrap_servers} does not answer; waiting up to {GIVE_UP_S:.0f} s")
        publishing.result()
    finally:
        if not publishing.done():
            kafka.silence_failure(publishing).cancel()
            await asyncio.wait({publishing}, timeout=2 * kafka.STOP_TIMEOUT_S)


def _by_partition(rows: pl.DataFrame, partitions: dict[str, int]) -> Iterator[tuple[str, int, pl.DataFrame]]:
    for (topic,), part in rows.group_by("topic", maintain_order=True):
        where = partitions_of(part["key"].cast(pl.Binary).to_list(), partitions[str(topic)])
        for partition in np.unique(where):
            yield str(topic), int(partition), part.filter(pl.Series(where == partition))


def _batches(producer: AIOKafkaProducer, rows: pl.DataFrame) -> Iterator[object]:
    """Record batches, each as full as `BATCH_BYTES` allows.

    `append` is called per record: it is compiled code, and measured at several times what `send` reaches.
    """
    batch = producer.create_batch()
    columns = (rows["occurred_at_ms"], rows["key"].cast(pl.Binary), rows["value"])
    for timestamp, key, value in zip(*(column.to_list() for column in columns), strict=True):
        if batch.append(timestamp=timestamp, key=key, value=value) is None:
            batch.close()
            yield batch
            batch = producer.create_batch()
            batch.append(timestamp=timestamp, key=key, value=value)
    if batch.record_count():
        batch.close()
        yield batch
