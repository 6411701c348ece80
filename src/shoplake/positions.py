"""Where a reader stands in the log: for each topic and partition the first offset that it has not read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


@dataclass(frozen=True, slots=True)
class Positions:
    """The next offset of each partition; a partition that is not named has been read up to offset 0.

    Attributes:
        next_offsets: partition -> the first offset that has not been read.
    """

    next_offsets: Mapping[Place, int] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Positions:
        """Read what `as_json` wrote.

        Raises:
            ValueError: the text is something else.
        """
        try:
            topics = json.loads(text)
            return cls({Place(topic, int(p)): int(n) for topic, read in topics.items() for p, n in read.items()})
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(f"expected positions as JSON, found {text[:80]!r}") from error

    @classmethod
    def joined(cls, parts: Iterable[Positions]) -> Positions:
        """The positions of readers that share the partitions. Of a partition with two readers: the higher offset."""
        offsets: dict[Place, int] = {}
        for part in parts:
            for place, offset in part.next_offsets.items():
                offsets[place] = max(offset, offsets.get(place, 0))
        return cls(offsets)

    def as_json(self) -> str:
        """`{"orders": {"0": 1204}}`: topic, partition, next offset, in order."""
        topics: dict[str, dict[str, int]] = {}
        for place, offset in sorted(self.next_offsets.items()):
            topics.setdefault(place.topic, {})[str(place.partition)] = offset
        return json.dumps(topics)

    def of(self, topic: str) -> Mapping[int, int]:
        """Partition -> next offset of a topic."""
        return {place.partition: offset for place, offset in self.next_offsets.items() if place.topic == topic}

    def of_topics(self, topics: Collection[str]) -> Positions:
        """The positions in some topics."""
        return Positions({place: offset for place, offset in self.next_offsets.items() if place.topic in topics})

    def behind(self, other: Positions) -> list[Place]:
        """The partitions that the other has read further than this, in order."""
        return sorted(place for place, offset in other.next_offsets.items() if self.next_offsets.get(place, 0) < offset)

    def __str__(self) -> str:
        return ", ".join(f"{place}={offset}" for place, offset in sorted(self.next_offsets.items()))
