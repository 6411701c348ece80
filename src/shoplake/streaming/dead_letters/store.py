"""Query dead letters and their outcomes. Read-only.

The outcome of a dead letter (replayed or discarded) is a record with its name as key, in the compacted topic of
outcomes. A dead letter without an outcome is open.
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
Position = tuple[str, int, int]
T = TypeVar("T", bound=str)
HELD_BYTES = 256 * 1024 * 1024
_LETTER_NAME = re.compile(r"[a-z]+-[0-9]+-[0-9]+")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one dead letter.

    Attributes:
        letter: name of the dead letter.
        state: `replayed`, `discarded`, or `unreadable`: another client wrote an invalid record under this name, so the
            letter may have been replayed.
        at_ms: time of the command, milliseconds since 1970, by the clock of its machine.
        replayed_as: position of the repaired event in the log, as `<topic>-<partition>-<offset>`.
        note: the user's reason, or why the outcome is unreadable.
    """

    letter: str
    state: Literal["replayed", "discarded", "unreadable"]
    at_ms: int
    replayed_as: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter for dead letters; an empty field matches all.

    Attributes:
        states: states to match.
        reasons: reasons of the rejection.
        topics: topics of the original records.
        since_ms: earliest timestamp of the original record, milliseconds since 1970.
        until_ms: the timestamp has to be before this one.
        names: names of dead letters.
    """

    states: frozenset[State] = frozenset({"open"})
    reasons: frozenset[str] = frozenset()
    topics: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    names: frozenset[str] = frozenset()

    def matches(self, letter: DeadLetter, state: State) -> bool:
        """Whether a dead letter in this state matches."""
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
    """The result of a search.

    Attributes:
        letters: the first matching dead letters, in the order of the log.
        counts: number of all matching dead letters, by topic, reason and state.
    """

    letters: Sequence[DeadLetter]
    counts: Mapping[tuple[str, str, State], int]

    @property
    def total(self) -> int:
        """Number of all matching dead letters."""
        return sum(self.counts.values())


def position_of(letter: DeadLetter) -> Position:
    """Position of the rejected record. Processing in this order keeps the events of an entity in order."""
    return letter.topic, letter.partition, letter.offset


def state_of(letter: DeadLetter, outcomes: Mapping[str, Outcome]) -> State:
    """The state of a dead letter."""
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
    """Create a filter from command-line options; an empty option matches all.

    Raises:
        UsageError: an invalid time, or an unknown topic, reason or state.
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
    """Parse an ISO 8601 time (UTC if it has no zone), or a time before now such as `90m`, `24h`, `7d`.

    Returns:
        Milliseconds since 1970.

    Raises:
        UsageError: the text is neither.
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
    after: Position | None = None,
) -> Found:
    """Search all dead letters. Memory is bounded: one poll, and at most `limit` letters or `HELD_BYTES`.

    Args:
        cluster: the Kafka cluster.
        wanted: the filter.
        outcomes: the outcomes from `read_outcomes`.
        limit: maximum number of letters to return (fewer if they are large); all matching ones are counted.
        after: only letters after this position.

    Raises:
        StreamHalted: Kafka did not answer.
    """
    first: list[DeadLetter] = []
    horizon: Position | None = None  # letters from this position on were dropped to limit the size
    counts: dict[tuple[str, str, State], int] = {}
    async for letters in read_dead_letters(cluster):
        for letter in letters:
            state = state_of(letter, outcomes)
            if wanted.matches(letter, state) and (after is None or position_of(letter) > after):
                if horizon is None or position_of(letter) < horizon:
                    first.append(letter)
                kind = (letter.topic, letter.reason, state)
                counts[kind] = counts.get(kind, 0) + 1
        first = nsmallest(limit, first, key=position_of)
        if (kept := _fitting(first)) < len(first):
            horizon = position_of(first[kept])
            del first[kept:]
    return Found(first, counts)


async def read_dead_letters(cluster: KafkaSettings) -> AsyncIterator[list[DeadLetter]]:
    """Read all dead letters, in chunks, in no particular order. Other records in the topic are ignored.

    Raises:
        StreamHalted: Kafka did not answer.
    """
    async for records in kafka.committed_records(cluster, DEAD_LETTERS):
        yield [letter for record in records if (letter := _letter(record.value)) is not None]


async def read_outcomes(cluster: KafkaSettings) -> dict[str, Outcome]:
    """Read the newest outcome of each dead letter that has one, by name.

    An invalid record whose key is the name of a dead letter makes the outcome of this one unreadable. Other invalid
    records are ignored.

    Raises:
        StreamHalted: Kafka did not answer.
    """
    records = await kafka.newest_records(cluster, OUTCOMES)
    return {outcome.letter: outcome for key, record in records.items() if (outcome := _outcome(key, record))}


def _fitting(letters: Sequence[DeadLetter]) -> int:
    """Number of letters, from the first on, that fit into `HELD_BYTES`; at least one."""
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
    where = f"{OUTCOMES}-{record.partition} at offset {record.offset} is not a valid outcome"
    return Outcome(letter=name, state="unreadable", at_ms=record.timestamp, note=where)


def _letter(value: bytes | None) -> DeadLetter | None:
    try:
        letter = msgspec.json.decode(value or b"", type=DeadLetter)
        base64.b64decode(letter.value_base64)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error):
        return None
    return letter
