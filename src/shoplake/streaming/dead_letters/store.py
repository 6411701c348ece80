"""Dead letters as they are asked for: which there are, and what became of each. Writes nothing.

What became of a letter is a record under its name in the compacted topic of outcomes; a letter without one is open.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import msgspec

from shoplake import kafka
from shoplake.contract import DEAD_LETTERS, OUTCOMES, REASONS, TOPICS
from shoplake.errors import UnknownName, UsageError
from shoplake.streaming.dead_letters.router import DeadLetter

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from shoplake.settings import KafkaSettings

State = Literal["open", "replayed", "discarded", "unreadable"]
Place = tuple[str, int, int]
T = TypeVar("T", bound=str)
HELD_BYTES = 256 * 1024 * 1024
_LETTER_NAME = re.compile(r"[a-z]+-[0-9]+-[0-9]+")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one letter.

    Attributes:
        letter: its name.
        state: `unreadable` where somebody else wrote what is no outcome under the letter's name: it may be replayed.
        at_ms: when, by the clock of who did it.
        replayed_as: where the mended event is in the log, as `<topic>-<partition>-<offset>`.
        note: why, in the words of who did it.
    """

    letter: str
    state: Literal["replayed", "discarded", "unreadable"]
    at_ms: int
    replayed_as: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are meant; empty means all.

    Attributes:
        since_ms: not before this time, by the event's record.
        until_ms: before this time.
        names: letters by name.
    """

    states: frozenset[State] = frozenset({"open"})
    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    names: frozenset[str] = frozenset()

    def matches(self, letter: DeadLetter, state: State) -> bool:
        """Whether a letter in this state is meant."""
        return (
            (not self.states or state in self.states)
            and (not self.reasons or letter.reason in self.reasons)
            and (not self.topics or letter.topic in self.topics)
            and (self.since_ms is None or letter.timestamp_ms >= self.since_ms)
            and (self.until_ms is None or letter.timestamp_ms < self.until_ms)
            and (not self.names or letter.name in self.names)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the letters gave.

    Attributes:
        letters: the first of those that match, in the order of the log.
        counts: how many match, by topic, reason and state.
    """

    letters: Sequence[DeadLetter]
    counts: Mapping[tuple[str, str, State], int]

    @property
    def total(self) -> int:
        """How many match."""
        return sum(self.counts.values())


def place(letter: DeadLetter) -> Place:
    """Where the refused event is: letters are worked through in this order, which is each entity's own."""
    return letter.topic, letter.partition, letter.offset


def state_of(letter: DeadLetter, outcomes: Mapping[str, Outcome]) -> State:
    """What became of a letter."""
    outcome = outcomes.get(letter.name)
    return outcome.state if outcome else "open"


def filter_of(
    *,
    names: Iterable[str],
    reasons: Iterable[str],
    topics: Iterable[str],
    since: str,
    until: str,
    states: Iterable[str],
) -> Filter:
    """A filter from what was written on a command line; empty means all.

    Raises:
        UsageError: a time, topic, reason or state that there is none of.
    """
    now = datetime.now(UTC)
    return Filter(
        states=frozenset(_known(states, get_args(State), "state")),
        reasons=frozenset(_known(reasons, REASONS, "reason")),
        topics=frozenset(_known(topics, tuple(TOPICS), "topic")),
        since_ms=parse_time(since, now=now, option="--since") if since else None,
        until_ms=parse_time(until, now=now, option="--until") if until else None,
        names=frozenset(names),
    )


def parse_time(text: str, *, now: datetime, option: str = "time") -> int:
    """Milliseconds since 1970 of an ISO 8601 time (UTC where it names no zone), or of `90m`, `24h`, `7d` before now.

    Raises:
        UsageError: it is neither.
    """
    amount, unit = text[:-1], text[-1:]
    try:
        if unit in _UNITS and amount.isdecimal():
            return int((now - int(amount) * _UNITS[unit]).timestamp() * 1000)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{option}: expected a time such as 2024-01-31, 2024-01-31T12:00Z, 24h or 7d, found '{text}'"
        ) from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


async def find(
    cluster: KafkaSettings,
    wanted: Filter,
    outcomes: Mapping[str, Outcome],
    *,
    limit: int,
    after: Place | None = None,
) -> Found:
    """Look through all letters; at most `limit` of them, or `HELD_BYTES`, and one poll are in memory.

    Args:
        cluster: Kafka.
        wanted: which letters.
        outcomes: what became of them, from `read_outcomes`.
        limit: give at most so many, or fewer where they are large, and count the rest.
        after: leave out what is not behind this place.

    Raises:
        StreamHalted: Kafka did not answer.
    """
    first: list[DeadLetter] = []
    horizon: Place | None = None  # what is from there on was let go for its size
    counts: dict[tuple[str, str, State], int] = {}
    async for letters in read_letters(cluster):
        for letter in letters:
            state = state_of(letter, outcomes)
            if wanted.matches(letter, state) and (after is None or place(letter) > after):
                if horizon is None or place(letter) < horizon:
                    first.append(letter)
                kind = (letter.topic, letter.reason, state)
                counts[kind] = counts.get(kind, 0) + 1
        first = nsmallest(limit, first, key=place)
        if (kept := _fitting(first)) < len(first):
            horizon = place(first[kept])
            del first[kept:]
    return Found(first, counts)


async def read_letters(cluster: KafkaSettings) -> AsyncIterator[list[DeadLetter]]:
    """All letters, some at a time, in no order. What somebody else wrote into the topic is passed over.

    Raises:
        StreamHalted: Kafka did not answer.
    """
    async for records in kafka.committed_records(cluster, DEAD_LETTERS):
        yield [letter for record in records if (letter := _letter(record.value)) is not None]


async def read_outcomes(cluster: KafkaSettings) -> dict[str, Outcome]:
    """The newest outcome of each letter that has one, by the letter's name.

    A record that is no outcome hides that of the letter whose name is its key, and of no other; where its key is no
    letter's name it hides none.

    Raises:
        StreamHalted: Kafka did not answer.
    """
    records = await kafka.newest_records(cluster, OUTCOMES)
    return {outcome.letter: outcome for key, record in records.items() if (outcome := _outcome(key, record))}


def _fitting(letters: Sequence[DeadLetter]) -> int:
    """How many of the first are not too large together; one always fits."""
    total = 0
    for count, letter in enumerate(letters):
        total += len(letter.value_base64)
        if count and total > HELD_BYTES:
            return count
    return len(letters)


def _known(given: Iterable[str], known: tuple[T, ...], what: str) -> list[T]:
    found = []
    for name in given:
        if name not in known:
            raise UnknownName(f"there is no {what} '{name}'", fix=f"choose from {', '.join(map(str, known))}")
        found.append(known[known.index(name)])
    return found


def _outcome(key: bytes, record: ConsumerRecord[Any, Any]) -> Outcome | None:
    name = key.decode(errors="replace")
    try:
        outcome = msgspec.json.decode(record.value, type=Outcome)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        outcome = None
    if outcome is not None and outcome.letter == name:
        return outcome
    if not _LETTER_NAME.fullmatch(name):
        return None
    where = f"{OUTCOMES}-{record.partition} at offset {record.offset} holds what is no outcome"
    return Outcome(letter=name, state="unreadable", at_ms=record.timestamp, note=where)


def _letter(value: bytes | None) -> DeadLetter | None:
    try:
        letter = msgspec.json.decode(value or b"", type=DeadLetter)
        base64.b64decode(letter.value_base64)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error):
        return None
    return letter
