"""Check the key and the partition of records.

A record's key has to be the key field of its event, and its partition the one that Kafka's default partitioner chooses
for this key. So all events of one entity are in one partition, in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shoplake.contract.partitioner import partitions_of

SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Placement:
    """Keys and partitions of the records of one topic, by position.

    Attributes:
        keys: the key of each record.
        partitions: the partition number of each record.
        count: number of partitions of the topic.
    """

    keys: Sequence[bytes | None]
    partitions: Sequence[int]
    count: int

    def key_error(self, position: int, field: str, value: str) -> str:
        """What is wrong with a record's key; empty if it is right.

        Args:
            position: position of the record.
            field: the event's key field.
            value: the value of that field.
        """
        key = self.keys[position]
        if key == value.encode():
            return ""
        return f"Expected key {_shown(value.encode())}, the value of `$.{field}`, got {_shown(key)}"

    def misplaced(self) -> Iterator[tuple[int, str]]:
        """The records that are not in the partition of their key: position, and what was expected.

        A record without a key may be in any partition, so it is never among them.
        """
        expected = partitions_of([key or b"" for key in self.keys], self.count)
        for position in np.flatnonzero(expected != np.asarray(self.partitions, dtype=np.int64)).tolist():
            if (key := self.keys[position]) is not None:
                wanted = f"partition {expected[position]} of {self.count} for key {_shown(key)}"
                yield position, f"Expected {wanted}, got {self.partitions[position]}"


def _shown(key: bytes | None) -> str:
    """A key as one line of limited length: a key can hold any bytes."""
    if key is None:
        return "none"
    text = ascii(key.decode(errors="backslashreplace"))[1:-1] if not _readable(key) else key.decode()
    return f"`{text}`" if len(text) <= SHOWN_CHARACTERS else f"`{text[:SHOWN_CHARACTERS]}…` of {len(key)} bytes"


def _readable(key: bytes) -> bool:
    try:
        return key.decode().isprintable()
    except UnicodeDecodeError:
        return False
