"""The contract versions of the log, kept up to date while it is consumed: they are read again after a marker record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shoplake import contract_log
from shoplake.contract import MARKER

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from shoplake.contract.history import History
    from shoplake.errors import NewerContract
    from shoplake.settings import KafkaSettings
    from shoplake.sinks.base import TopicPartition


class Contracts:
    """The known contract versions. Call `refresh` before each seek, and `see` with the records that are read."""

    def __init__(self, cluster: KafkaSettings) -> None:
        self._cluster = cluster
        self._history: History | None = None

    @property
    def history(self) -> History:
        """All versions that are needed for the records read so far."""
        assert self._history is not None, "refresh comes first"  # noqa: S101 - an order of calls, not input
        return self._history

    async def refresh(self) -> None:
        """Read the versions from Kafka.

        Raises:
            ContractConflict: this program's contract does not belong to this log.
            StreamHalted, LogUnavailable: Kafka has no versions, or did not answer.
        """
        self._history = await contract_log.read(self._cluster)

    async def see(self, polled: Iterable[Sequence[ConsumerRecord[Any, Any]]]) -> None:
        """Look for markers in records that were read, and refresh if one belongs to an unknown version.

        Raises:
            ContractConflict, StreamHalted, LogUnavailable: as for `refresh`.
        """
        for records in polled:
            for record in [record for record in records if record.value is None]:
                where = (record.topic, record.partition, record.offset)
                if _has_marker(record) and not self.history.is_marker(*where):
                    await self.refresh()
                    return

    def limits(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        """The first offset that only a newer program can read, for each partition that has one."""
        found = {p: self.history.limit(*p) for p in partitions} if self.history.unreadable else {}
        return {partition: limit for partition, limit in found.items() if limit is not None}

    @property
    def newer(self) -> NewerContract:
        """The error for a log whose contract is newer than this program's."""
        return contract_log.newer(self.history)


def _has_marker(record: ConsumerRecord[Any, Any]) -> bool:
    return any(name == MARKER for name, _ in record.headers)
