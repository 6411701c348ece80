"""Where records lie in Kafka, and where the contract wants them: under the key that their topic names, in the partition
that Kafka's default partitioner gives for it. So one entity's events are in one partition, and in one order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shoplake.contract.partitioner import partitions_of

SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the records of one topic are, each by its position.

    Attributes:
        keys: each record's key.
        partitions: the number of each record's partition.
        count: how many partitions the topic has.
    """

    keys: Sequence[bytes | None]
    partitions: Sequence[int]
    count: int

    def key_refused(self, position: int, field: str, value: str) -> str:
        """What is wrong with a record's key; empty where it is right.

        Args:
            position: which record.
            field: of the event, which holds the key.
            value: of that field.
        """
        key = self.keys[position]
        if key == value.encode():
            return ""
        return f"Expected key {_shown(value.encode())}, the value of `$.{field}`, got {_shown(key)}"

    def elsewhere(self) -> Iterator[tuple[int, str]]:
        """The records that lie in another partition than their key's: position, and what was expected.

        One without a key has no partition of its own, and is not among them.
        """
        expected = partitions_of([key or b"" for key in self.keys], self.count)
        for position in np.flatnonzero(expected != np.asarray(self.partitions, dtype=np.int64)).tolist():
            if (key := self.keys[position]) is not None:
                told = f"Expected partition {expected[position]} of {self.count} for key {_shown(key)}"
                yield position, f"{told}, got {self.partitions[position]}"


def _shown(key: bytes | None) -> str:
    """A key as one line of limited length; anybody can publish anything."""
    if key is None:
        return "none"
    text = ascii(key.decode(errors="backslashreplace"))[1:-1] if not _readable(key) else key.decode()
    return f"`{text}`" if len(text) <= SHOWN_CHARACTERS else f"`{text[:SHOWN_CHARACTERS]}…` of {len(key)} bytes"


def _readable(key: bytes) -> bool:
    try:
        return key.decode().isprintable()
    except UnicodeDecodeError:
        return False
