"""Which version of the contract is in force at each place of the log. Pure: the versions are records of the topic
`contracts`, so whether a record is a valid event is a function of the log alone.
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
    """A record of the topic `contracts`.

    Attributes:
        version: its number.
        digest: of what the contract means, as `schema.digest_of` gives it.
        contract: as `schema.export` gives it.
        starts: per topic and partition the offset of the marker from which it is in force. Empty for the first
            version, which is in force from the first record of every topic.
    """

    version: int
    digest: str
    contract: Schema
    starts: dict[str, list[int]] = {}


class Place(Protocol):
    """A record, as far as its place matters."""

    @property
    def offset(self) -> int:
        """Its place within its partition."""


R = TypeVar("R", bound=Place)


@dataclass(frozen=True, slots=True, eq=False)  # one of each version in a `History`, told apart as objects
class InForce:
    """A version as this program reads it.

    Attributes:
        topics: what decodes its events; this program's own where the version is its own.
    """

    version: int
    digest: str
    topics: Mapping[str, Topic]


class Part(NamedTuple):
    """A run of offsets under one version."""

    start: int
    in_force: InForce


class History:
    """All versions of one log.

    Attributes:
        newest: the newest version that is in the log.
        unreadable: the first version that this program cannot read, since it is newer; None where there is none.
    """

    def __init__(self, records: Iterable[Version]) -> None:
        """Take the versions in the order of the topic; what is no higher than the one before is none.

        Raises:
            ValueError: this program's contract is not of this log.
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
        self._parts: dict[tuple[str, int], list[Part]] = {}

    @classmethod
    def of_own(cls) -> History:
        """Of a log that has only ever been under this program's contract."""
        return cls([Version(version=own_version(), digest=digest(), contract=export())])

    @property
    def last(self) -> InForce:
        """The newest version that this program can read: in force at the end of the log where `unreadable` is None.

        Raises:
            IndexError: it can read none.
        """
        return self._in_force[-1]

    def parts(self, topic: str, partition: int) -> Sequence[Part]:
        """The versions that this program can read, each with the first offset from which it is in force."""
        known = self._parts.get((topic, partition))
        if known is None:
            known = [
                Part(start, version)
                for n, (version, starts) in enumerate(zip(self._in_force, self._starts, strict=True))
                if (start := _start(starts, topic, partition, first=n == 0)) is not None
            ]
            self._parts[topic, partition] = known
        return known

    def at(self, topic: str, partition: int, offset: int) -> InForce:
        """The version in force at one place below the limit."""
        parts = self.parts(topic, partition)
        return parts[bisect.bisect_right(parts, offset, key=lambda part: part.start) - 1].in_force

    def limit(self, topic: str, partition: int) -> int | None:
        """The first offset that is under a version which this program cannot read."""
        if self.unreadable is None:
            return None
        return _start(self.unreadable.starts, topic, partition, first=not self._in_force)

    def is_marker(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the record there is where a version begins, and so neither an event nor a dead letter."""
        return (topic, partition, offset) in self._markers

    def split(self, topic: str, partition: int, records: Sequence[R]) -> list[tuple[InForce, Sequence[R]]]:
        """Records of one partition, in order of offset and below its limit, by the version in force."""
        parts = self.parts(topic, partition)
        if len(parts) == 1:
            return [(parts[0].in_force, records)]
        cuts = [bisect.bisect_left(records, part.start, key=lambda record: record.offset) for part in parts[1:]]
        bounds = [0, *cuts, len(records)]
        return [
            (part.in_force, records[begin:end])
            for part, begin, end in zip(parts, bounds[:-1], bounds[1:], strict=True)
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
            f"{own_number} is {digest()}: two contracts have one number"
        )
    if refused := [change for change in compatibility.compare(version.contract, export()) if not change.compatible]:
        raise ValueError(
            f"this program's contract (version {own_number}) cannot follow version {version.version} of the log: "
            + "; ".join(f"{change.where}: {change.kind}" for change in refused[:3])
        )
    try:
        return InForce(version.version, version.digest, topics_of(version.contract))
    except UnknownSchemaError as error:
        raise ValueError(f"version {version.version} of the log's contract cannot be read: {error}") from error
