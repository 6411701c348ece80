"""Replay dead letters (publish the repaired events), or discard them.

The outcome of each dead letter is committed in the same transaction as its event, so a killed or repeated command adds
no duplicate.

All commands share one transactional id. When a command starts its producer, Kafka aborts the open transaction of an
earlier command and fences it. The outcomes are read after that, so none can be missing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, ProducerFenced

from shoplake import contract_log, kafka
from shoplake.contract import OUTCOMES, REPLAY_OF, Topic
from shoplake.errors import StreamHalted, UnknownName, UsageError
from shoplake.streaming.dead_letters.originals import in_chunks, with_full_values
from shoplake.streaming.dead_letters.repair import Event, Refusal, Repair, repaired
from shoplake.streaming.dead_letters.router import DeadLetter
from shoplake.streaming.dead_letters.store import (
    Filter,
    Outcome,
    Position,
    State,
    find,
    position_of,
    read_outcomes,
    state_of,
)

if TYPE_CHECKING:
    from aiokafka.structs import RecordMetadata

    from shoplake.settings import KafkaSettings

TRANSACTIONAL_ID = "shoplake-dlq"
# Dead letters in memory, and dead letters per transaction.
PASS_LETTERS = 5_000
TRANSACTION_LETTERS = 500
TRANSACTION_BYTES = 32 * 1024 * 1024
# Large, because brokers limit the compressed size.
MAX_EVENT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a command.

    Attributes:
        done: number of dead letters that were replayed or discarded.
        refused: number of those whose event is still not valid.
        refusals: the first of these, with the reasons.
        settled: outcomes of dead letters that were given by name, but had been replayed or discarded before.
    """

    done: int
    refused: int = 0
    refusals: tuple[Refusal, ...] = ()
    settled: tuple[Outcome, ...] = ()


Watch = Callable[[int], None]
MAX_REFUSALS = 1000


async def replay(
    cluster: KafkaSettings,
    wanted: Filter,
    repair: Repair,
    *,
    dry_run: bool = False,
    watch: Watch | None = None,
) -> Result:
    """Repair dead letters and publish those that are valid now, in the order of the log; the others stay open.

    An event goes to the topic of its type, with its key. It is appended to the end of the log, so if a store keeps the
    last value, this is now the last one.

    Args:
        cluster: the Kafka cluster.
        wanted: filter of the dead letters; those that were replayed before cannot be replayed again.
        repair: the repair of their events.
        dry_run: publish nothing, and fence no other command.
        watch: called after each transaction with the number of dead letters processed.

    Raises:
        NewerContract: the log has a newer contract than this program.
        StreamHalted: Kafka did not answer, or another command has fenced this one.
    """
    _refuse_states(wanted, {"open", "discarded"}, "replayed")
    settled = await _already_done(cluster, wanted)
    published = refused = 0
    refusals: list[Refusal] = []
    topics = await _topics_in_force(cluster)
    async with _exclusive_producer(cluster, dry_run) as producer:
        async for letters in _matching_letters(cluster, wanted):
            repaired_letters = [(letter.name, repaired(letter, repair, topics)) for letter in letters]
            events = [(name, event) for name, event in repaired_letters if isinstance(event, Event)]
            not_valid = [refusal for _, refusal in repaired_letters if isinstance(refusal, Refusal)]
            if producer is not None and events:
                await _publish(producer, events)
            published, refused = published + len(events), refused + len(not_valid)
            refusals += not_valid[: MAX_REFUSALS - len(refusals)]
            if watch is not None:
                watch(published + refused)
    return Result(published, refused, tuple(refusals), settled)


async def discard(
    cluster: KafkaSettings,
    wanted: Filter,
    note: str,
    *,
    dry_run: bool = False,
    watch: Watch | None = None,
) -> Result:
    """Mark dead letters as discarded. Nothing is deleted, and they can still be replayed.

    Raises:
        StreamHalted: Kafka did not answer, or another command has fenced this one.
    """
    _refuse_states(wanted, {"open"}, "discarded")
    settled = await _already_done(cluster, wanted)
    discarded = 0
    async with _exclusive_producer(cluster, dry_run) as producer:
        async for letters in _matching_letters(cluster, wanted):
            if producer is not None:
                await _mark_discarded(producer, letters, note)
            discarded += len(letters)
            if watch is not None:
                watch(discarded)
    return Result(discarded, settled=settled)


async def _topics_in_force(cluster: KafkaSettings) -> Mapping[str, Topic]:
    """The topics of the contract in force now. A newer version that starts meanwhile accepts the same events."""
    known = await contract_log.read(cluster)
    contract_log.refuse_newer(known)
    return known.last.topics


def _refuse_states(wanted: Filter, allowed: set[State], what: str) -> None:
    if not wanted.states or wanted.states - allowed:
        raise UnknownName(
            f"only dead letters that are {' or '.join(sorted(allowed))} can be {what}",
            fix="do not replay a dead letter twice: its event would be in the log twice",
        )


async def _already_done(cluster: KafkaSettings, wanted: Filter) -> tuple[Outcome, ...]:
    """Outcomes of the dead letters that are given by name, but are in a state that does not match.

    Raises:
        UsageError: there is no dead letter of a given name.
    """
    if not wanted.names:
        return ()
    outcomes = await read_outcomes(cluster)
    found = await find(cluster, Filter(states=frozenset(), names=wanted.names), outcomes, limit=len(wanted.names))
    if unknown := sorted(wanted.names - {letter.name for letter in found.letters}):
        others = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise UsageError(f"there is no dead letter '{unknown[0]}'{others}", fix="`shoplake dlq list` shows their names")
    return tuple(
        outcomes[letter.name]
        for letter in found.letters
        if letter.name in outcomes and state_of(letter, outcomes) not in wanted.states
    )


async def _matching_letters(cluster: KafkaSettings, wanted: Filter) -> AsyncIterator[Sequence[DeadLetter]]:
    """The matching dead letters, in the order of the log, in groups of one transaction each."""
    outcomes = await read_outcomes(cluster)
    after: Position | None = None
    while True:
        found = await find(cluster, wanted, outcomes, limit=PASS_LETTERS, after=after)
        letters = found.letters
        # If two dead letters have the same name, only the first counts, so the event is published once.
        once = list({letter.name: letter for letter in reversed(letters)}.values())[::-1]
        for together in in_chunks(once, TRANSACTION_LETTERS, TRANSACTION_BYTES):
            yield await with_full_values(cluster, together)
        if found.total == len(letters):
            return
        after = position_of(letters[-1])


@contextlib.asynccontextmanager
async def _exclusive_producer(cluster: KafkaSettings, dry_run: bool) -> AsyncIterator[AIOKafkaProducer | None]:
    """Start the transactional producer that all commands share, which fences other commands; None for a dry run."""
    if dry_run:
        yield None
        return
    producer = AIOKafkaProducer(
        **kafka.client_options(cluster),
        transactional_id=TRANSACTIONAL_ID,
        request_timeout_ms=kafka.REQUEST_TIMEOUT_MS,
        max_request_size=MAX_EVENT_BYTES,
        compression_type="zstd",
    )
    async with kafka.answering(cluster):
        try:
            await producer.start()
            yield producer
        except (ProducerFenced, IllegalOperation) as error:  # IllegalOperation: it was fenced between two sends
            raise StreamHalted(
                "another `shoplake dlq` command was started and has fenced this one",
                fix="let it finish, then run this one again: it continues with the open dead letters",
            ) from error
        finally:
            await producer.stop()


async def _publish(producer: AIOKafkaProducer, events: Sequence[tuple[str, Event]]) -> None:
    async with producer.transaction():
        sent = [await _send_event(producer, name, event) for name, event in events]
        for (name, _), delivered in zip(events, sent, strict=True):
            at = await delivered
            where = f"{at.topic}-{at.partition}-{at.offset}"
            await _send_outcome(producer, Outcome(letter=name, state="replayed", at_ms=_now_ms(), replayed_as=where))


async def _mark_discarded(producer: AIOKafkaProducer, letters: Sequence[DeadLetter], note: str) -> None:
    async with producer.transaction():
        for letter in letters:
            outcome = Outcome(letter=letter.name, state="discarded", at_ms=_now_ms(), note=note)
            await _send_outcome(producer, outcome)


async def _send_event(producer: AIOKafkaProducer, name: str, event: Event) -> Awaitable[RecordMetadata]:
    headers = [(REPLAY_OF, name.encode())]
    delivered: Awaitable[RecordMetadata] = await producer.send(
        event.topic, event.value, event.key, timestamp_ms=event.timestamp_ms, headers=headers
    )
    return delivered


async def _send_outcome(producer: AIOKafkaProducer, outcome: Outcome) -> None:
    await producer.send(OUTCOMES, msgspec.json.encode(outcome), outcome.letter.encode())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
