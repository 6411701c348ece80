"""Which contract version is in force at each offset of the log. Pure: no input or output.

The versions are records of the topic `contracts`, so whether a record is a valid event depends on the log alone.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from shoplake.contract import compatibility
from shoplake.contract.from_schema import UnknownSchemaError, topics_of
from shoplake.contract.schema import Schema, digest, digest_of, export, own_version
from shoplake.contract.topics import TOPICS, Topic


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One contract version: a record of the topic `contracts`.

    Attributes:
        version: the version number.
        digest: digest of the contract's meaning, from `schema.digest_of`.
        contract: the contract, from `schema.export`.
        starts: topic → for each partition the offset of the marker from which the version is in force. Empty for the
            first version, which is in force from the first record of every topic.
    """

    version: int
    digest: str
    contract: Schema
    starts: dict[str, list[int]] = {}


class HasOffset(Protocol):
    """A record that has an offset."""

    @property
    def offset(self) -> int:
        """The record's offset in its partition."""


R = TypeVar("R", bound=HasOffset)


@dataclass(frozen=True, slots=True, eq=False)  # a `History` has one object per version; they are compared by identity
class InForce:
    """A contract version that this program can read.

    Attributes:
        version: the version number.
        digest: digest of the contract's meaning.
        topics: the topics that decode its events; this program's own topics if the version is its own.
    """

    version: int
    digest: str
    topics: Mapping[str, Topic]


class VersionRange(NamedTuple):
    """The first offset of a partition under one contract version; the range ends where the next one starts."""

    start: int
    in_force: InForce


class History:
    """All contract versions of one log.

    Attributes:
        newest: the newest version in the log.
        unreadable: the first version that is newer than this program and so cannot be read; None if there is none.
    """

    def __init__(self, records: Iterable[Version]) -> None:
        """Read the versions in the order of the topic. A record without a higher number than the one before is ignored.

        Raises:
            ValueError: this program's contract does not belong to this log.
        """
        versions: list[Version] = []
        for record in records:
            if record.digest == digest_of(record.contract) and (not versions or record.version > versions[-1].version):
                versions.append(record)
        if not versions:
            raise ValueError("the log has no contract version")
        self.newest = versions[-1]
        own = own_version()
        readable = [version for version in versions if version.version <= own]
        self.unreadable = next((version for version in versions if version.version > own), None)
        self._in_force = [_read(version, own) for version in readable]
        self._starts = [version.starts for version in readable]
        self._markers = frozenset(
            (topic, partition, offset)
            for version in versions[1:]
            for topic, offsets in version.starts.items()
            for partition, offset in enumerate(offsets)
        )
        self._ranges: dict[tuple[str, int], list[VersionRange]] = {}

    @classmethod
    def of_own(cls) -> History:
        """The history of a log that has only had this program's contract."""
        return cls([Version(version=own_version(), digest=digest(), contract=export())])

    @property
    def readable(self) -> bool:
        """Whether this program can read any version of the log."""
        return bool(self._in_force)

    @property
    def last(self) -> InForce:
        """The newest version that this program can read. It is in force at the end of the log if `unreadable` is None.

        Raises:
            IndexError: there is no such version.
        """
        return self._in_force[-1]

    def ranges(self, topic: str, partition: int) -> Sequence[VersionRange]:
        """The versions that this program can read, each with its first offset in the partition."""
        known = self._ranges.get((topic, partition))
        if known is None:
            known = [
                VersionRange(start, version)
                for n, (version, starts) in enumerate(zip(self._in_force, self._starts, strict=True))
                if (start := _start(starts, topic, partition, first=n == 0)) is not None
            ]
            self._ranges[topic, partition] = known
        return known

    def at(self, topic: str, partition: int, offset: int) -> InForce:
        """The version in force at an offset below `limit`."""
        ranges = self.ranges(topic, partition)
        return ranges[bisect.bisect_right(ranges, offset, key=lambda one: one.start) - 1].in_force

    def limit(self, topic: str, partition: int) -> int | None:
        """The first offset under a version that this program cannot read; None if it can read all."""
        if self.unreadable is None:
            return None
        return _start(self.unreadable.starts, topic, partition, first=not self._in_force)

    def is_marker(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the record at this offset marks the start of a version; it is neither an event nor a dead letter."""
        return (topic, partition, offset) in self._markers

    def split(self, topic: str, partition: int, records: Sequence[R]) -> list[tuple[InForce, Sequence[R]]]:
        """Group records of one partition, in order of offset and below `limit`, by the version in force."""
        ranges = self.ranges(topic, partition)
        if len(ranges) == 1:
            return [(ranges[0].in_force, records)]
        cuts = [bisect.bisect_left(records, one.start, key=lambda record: record.offset) for one in ranges[1:]]
        bounds = [0, *cuts, len(records)]
        return [
            (one.in_force, records[begin:end])
            for one, begin, end in zip(ranges, bounds[:-1], bounds[1:], strict=True)
            if end > begin
        ]


def _start(starts: Mapping[str, Sequence[int]], topic: str, partition: int, *, first: bool) -> int | None:
    if first:
        return 0
    offsets = starts.get(topic, ())
    return offsets[partition] if partition < len(offsets) else None


def _read(version: Version, own_number: int) -> InForce:
    if version.digest == digest():
        return InForce(version.version, version.digest, TOPICS)
    if version.version == own_number:
        raise ValueError(
            f"the log's contract version {version.version} is {version.digest}, and this program's version "
            f"{own_number} is {digest()}: two contracts have the same number"
        )
    if refused := [change for change in compatibility.compare(version.contract, export()) if not change.compatible]:
        raise ValueError(
            f"this program's contract (version {own_number}) cannot read version {version.version} of the log: "
            + "; ".join(f"{change.where}: {change.kind}" for change in refused[:3])
        )
    try:
        return InForce(version.version, version.digest, topics_of(version.contract))
    except UnknownSchemaError as error:
        raise ValueError(f"version {version.version} of the log's contract cannot be read: {error}") from error
