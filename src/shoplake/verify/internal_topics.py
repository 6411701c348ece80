"""Read shoplake's compacted topics: progress of publishers and outcomes of dead letters. Others may write there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import msgspec

import shopsim
from shoplake.contract import TOPICS
from shoplake.verify.log_reader import Chunk
from shoplake.verify.report import Finding, StoreResult

Body: TypeAlias = Mapping[str, Any]
Check: TypeAlias = Callable[[str, bytes], Body]
PUBLISHER = re.compile(r".+-[0-9]+", re.DOTALL)
LETTER = re.compile(r"[a-z]+-[0-9]+-[0-9]+")


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest record of each key.

    Attributes:
        values: the records with valid content.
        unreadable: a finding for each invalid record under a key of shoplake: the value that it replaced is lost.
        passed_over: number of records under other keys. They are ignored.
    """

    values: list[Body]
    unreadable: tuple[Finding, ...]
    passed_over: int

    def as_result(self) -> StoreResult:
        """Return the findings as part of the check of the log."""
        return StoreResult("log", 0, 0, 0, 0, len(self.unreadable), self.unreadable)


def newest_progress(chunks: Iterable[Chunk]) -> Newest:
    """Return the newest progress record of each publisher."""
    return _newest(chunks, PUBLISHER, _progress)


def newest_outcomes(chunks: Iterable[Chunk]) -> Newest:
    """Return the newest outcome of each dead letter."""
    return _newest(chunks, LETTER, _outcome)


class _Progress(msgspec.Struct):
    publisher: str
    scenario: dict[str, Any]
    seed: int
    version: int
    events: int
    topics: tuple[str, ...] = tuple(TOPICS)


class _Outcome(msgspec.Struct):
    letter: str
    state: Literal["replayed", "discarded"]


def _newest(chunks: Iterable[Chunk], ours: re.Pattern[str], read: Check) -> Newest:
    """Return the newest record of each key. A record without a value deletes the key, as in compaction."""
    newest: dict[tuple[int, bytes], tuple[str, int, bytes | None]] = {}
    passed_over = 0
    for chunk in chunks:
        for topic, records in chunk.items():
            rows = zip(records.partition, records.key, records.offset, records.value, strict=True)
            for partition, key, offset, value in rows:
                if key is None:
                    passed_over += 1
                elif (partition, key) not in newest or offset >= newest[partition, key][1]:
                    newest[partition, key] = (topic, offset, value)
    values, unreadable = [], []
    for (partition, key), (topic, offset, value) in newest.items():
        name = key.decode(errors="backslashreplace")
        if value is None:
            continue
        try:
            values.append(read(name, value))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, shopsim.ScenarioError) as error:
            if ours.fullmatch(name):
                why = f"{topic}-{partition} at offset {offset} cannot be read: {error}"
                unreadable.append(Finding("differing", topic, name, detail=why))
            else:
                passed_over += 1
    return Newest(values, tuple(unreadable), passed_over)


def _progress(key: str, value: bytes) -> Body:
    found = msgspec.json.decode(value, type=_Progress)
    if found.publisher != key:
        raise msgspec.ValidationError(f"the record names publisher '{found.publisher}'")
    if other := [topic for topic in found.topics if topic not in TOPICS]:
        raise msgspec.ValidationError(f"there is no topic '{other[0]}'")
    if found.version == shopsim.VERSION:
        shopsim.scenario_from_dict(found.scenario)
    return msgspec.structs.asdict(found)


def _outcome(key: str, value: bytes) -> Body:
    found = msgspec.json.decode(value, type=_Outcome)
    if found.letter != key:
        raise msgspec.ValidationError(f"the record names dead letter '{found.letter}'")
    return msgspec.structs.asdict(found)
