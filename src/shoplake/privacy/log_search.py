"""Records of Kafka that contain a text, in their key, their value, or the value that a dead letter has kept."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from shoplake.contract import DEAD_LETTERS, TOPICS
from shoplake.errors import UsageError
from shoplake.verify import log_reader

if TYPE_CHECKING:
    from shoplake.settings import KafkaSettings

MOST = 100_000
"""Records of one search. More are an error: the text is not that of one person."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record that was found."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None

    @property
    def place(self) -> str:
        """Its position in the log, as text."""
        return f"{self.topic}-{self.partition}@{self.offset}"

    def as_json(self) -> dict[str, Any]:
        """For a file: the value as JSON if it is any, else as text."""
        return {"place": self.place, "key": _text(self.key), "value": _value(self.value)}


async def containing(cluster: KafkaSettings, texts: Collection[str], *, whole: bool = False) -> list[Record]:
    """The records of events, and the dead letters, that contain one of the texts, in order within each partition.

    Args:
        cluster: where the topics are.
        texts: to look for, with their case.
        whole: only where no letter, digit or hyphen is before or after it, as in an id.

    Raises:
        StackError: Kafka does not answer, or a topic is missing.
        UsageError: more records than `MOST` contain it.
    """
    wanted = pattern(texts, whole=whole)
    found: list[Record] = []
    async for chunk in log_reader.read(cluster, (*TOPICS, DEAD_LETTERS)):
        for topic, records in chunk.items():
            is_letter = topic == DEAD_LETTERS
            columns = zip(records.partition, records.offset, records.key, records.value, strict=True)
            found += [
                Record(topic, partition, offset, key, value)
                for partition, offset, key, value in columns
                if any(map(wanted.search, parts(key, value, is_letter=is_letter)))
            ]
        if len(found) > MOST:
            raise UsageError(f"more than {MOST:,} records contain it", fix="give a text that is less common")
    return found


def pattern(texts: Collection[str], *, whole: bool = False) -> re.Pattern[bytes]:
    """A pattern that finds any of the texts, as bytes and as JSON writes them."""
    anyone = b"|".join(sorted({form for text in texts for form in _forms(text)}))
    return re.compile(rb"(?<![\w-])(?:%b)(?![\w-])" % anyone if whole else anyone)


def _forms(text: str) -> Iterator[bytes]:
    """With and without escapes of what is not ASCII."""
    for form in (text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]):
        yield re.escape(form.encode())


def parts(key: bytes | None, value: bytes | None, *, is_letter: bool) -> Iterator[bytes]:
    """The bytes of a record to look at; of a dead letter also those that it has kept."""
    if key:
        yield key
    if value:
        yield value
        if is_letter:
            yield from _kept(value)


class _Letter(msgspec.Struct):
    value_base64: str = ""
    key_base64: str | None = None


def _kept(value: bytes) -> Iterator[bytes]:
    """The value and the key of the record that a dead letter is about."""
    try:
        letter = msgspec.json.decode(value, type=_Letter)
        yield base64.b64decode(letter.value_base64)
        yield base64.b64decode(letter.key_base64 or "")
    except (msgspec.DecodeError, binascii.Error):
        return  # another program may write to the topic; its bytes are searched as they are


def _text(content: bytes | None) -> str | None:
    return None if content is None else content.decode(errors="replace")


def _value(content: bytes | None) -> Any:  # noqa: ANN401 - any JSON
    try:
        return None if content is None else json.loads(content)
    except ValueError:
        return _text(content)
