"""What is done to dead letters: mended events published again, or letters put aside. Each letter's outcome is
committed in the transaction of its event, so a killed or repeated command adds no duplicate.

All commands share one transactional name. Starting takes it over: Kafka ends what an earlier one left open and refuses
its later writes, and only then are the outcomes read, so none can be missing.
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
from shoplake.streaming.dead_letters.originals import completed, in_parts
from shoplake.streaming.dead_letters.repair import Event, Mending, Refusal, mended
from shoplake.streaming.dead_letters.router import DeadLetter
from shoplake.streaming.dead_letters.store import Filter, Outcome, Place, State, find, place, read_outcomes, state_of

if TYPE_CHECKING:
    from aiokafka.structs import RecordMetadata

    from shoplake.settings import KafkaSettings

TRANSACTIONAL_ID = "shoplake-dlq"
# Letters in memory at once, and those of one transaction.
PASS_LETTERS = 5_000
TRANSACTION_LETTERS = 500
TRANSACTION_BYTES = 32 * 1024 * 1024
# Brokers limit batches as they are sent, which is compressed.
MAX_EVENT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Result:
    """What a command did.

    Attributes:
        refusals: the first of `refused`.
        settled: outcomes of letters that were named, and that an earlier command had already dealt with.
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
    mending: Mending,
    *,
    dry_run: bool = False,
    watch: Watch | None = None,
) -> Result:
    """Publish what fits the contract now, in the order of the log; what still does not stays open.

    An event goes to the topic of its type, by its key. It comes at the end of the log, so where a store keeps the last
    value it is now the last.

    Args:
        cluster: Kafka.
        wanted: which letters; those that were replayed are done.
        mending: what to do to their events.
        dry_run: look, and publish nothing; fences nobody.
        watch: called after each transaction with the number of letters looked at.

    Raises:
        NewerContract: the log is under a newer contract than this program's.
        StreamHalted: Kafka did not answer, or another command has taken over.
    """
    _refuse_states(wanted, {"open", "discarded"}, "replayed")
    settled = await _settled(cluster, wanted)
    published = refused = 0
    refusals: list[Refusal] = []
    topics = await _topics_in_force(cluster)
    async with _taking_over(cluster, dry_run) as producer:
        async for letters in _open_letters(cluster, wanted):
            judged = [(letter.name, mended(letter, mending, topics)) for letter in letters]
            events = [(name, event) for name, event in judged if isinstance(event, Event)]
            still = [refusal for _, refusal in judged if isinstance(refusal, Refusal)]
            if producer is not None and events:
                await _publish(producer, events)
            published, refused = published + len(events), refused + len(still)
            refusals += still[: MAX_REFUSALS - len(refusals)]
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
    """Mark letters as put aside. Nothing is deleted, and they can still be replayed.

    Raises:
        StreamHalted: Kafka did not answer, or another command has taken over.
    """
    _refuse_states(wanted, {"open"}, "discarded")
    settled = await _settled(cluster, wanted)
    discarded = 0
    async with _taking_over(cluster, dry_run) as producer:
        async for letters in _open_letters(cluster, wanted):
            if producer is not None:
                await _mark_discarded(producer, letters, note)
            discarded += len(letters)
            if watch is not None:
                watch(discarded)
    return Result(discarded, settled=settled)


async def _topics_in_force(cluster: KafkaSettings) -> Mapping[str, Topic]:
    """What decides about an event that is published now. One that begins meanwhile takes what this one takes."""
    known = await contract_log.read(cluster)
    contract_log.refuse_newer(known)
    return known.last.topics


def _refuse_states(wanted: Filter, allowed: set[State], what: str) -> None:
    if not wanted.states or wanted.states - allowed:
        raise UnknownName(
            f"only letters that are {' or '.join(sorted(allowed))} can be {what}",
            fix="a letter that was replayed is done: its event is in the log twice if it is published again",
        )


async def _settled(cluster: KafkaSettings, wanted: Filter) -> tuple[Outcome, ...]:
    """What became of those letters that are named and are in a state that is not meant.

    Raises:
        UsageError: there is no letter of a name.
    """
    if not wanted.names:
        return ()
    outcomes = await read_outcomes(cluster)
    found = await find(cluster, Filter(states=frozenset(), names=wanted.names), outcomes, limit=len(wanted.names))
    if unknown := sorted(wanted.names - {letter.name for letter in found.letters}):
        others = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise UsageError(f"there is no letter '{unknown[0]}'{others}", fix="`shoplake dlq list` names them")
    return tuple(
        outcomes[letter.name]
        for letter in found.letters
        if letter.name in outcomes and state_of(letter, outcomes) not in wanted.states
    )


async def _open_letters(cluster: KafkaSettings, wanted: Filter) -> AsyncIterator[Sequence[DeadLetter]]:
    """The letters that are meant, in the order of the log, one transaction's at a time."""
    outcomes = await read_outcomes(cluster)
    after: Place | None = None
    while True:
        found = await find(cluster, wanted, outcomes, limit=PASS_LETTERS, after=after)
        letters = found.letters
        # Of two letters of one name the first counts: whoever wrote the other, its event is published once.
        once = list({letter.name: letter for letter in reversed(letters)}.values())[::-1]
        for together in in_parts(once, TRANSACTION_LETTERS, TRANSACTION_BYTES):
            yield await completed(cluster, together)
        if found.total == len(letters):
            return
        after = place(letters[-1])


@contextlib.asynccontextmanager
async def _taking_over(cluster: KafkaSettings, dry_run: bool) -> AsyncIterator[AIOKafkaProducer | None]:
    """The producer that all commands share, taken from whoever has it; none for a dry run."""
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
        except (ProducerFenced, IllegalOperation) as error:  # the second, when it was fenced between two sends
            raise StreamHalted(
                "another `shoplake dlq` command has taken over",
                fix="let it finish, then run this one again: it goes on with what is still open",
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
