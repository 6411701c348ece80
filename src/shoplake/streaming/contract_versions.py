"""The contract versions of the log, as a process that follows it knows them: read anew when a record says that another
one begins.
"""

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
    """What is known of the versions. Whoever goes to an offset refreshes it first; behind that, markers tell."""

    def __init__(self, cluster: KafkaSettings) -> None:
        self._cluster = cluster
        self._history: History | None = None

    @property
    def history(self) -> History:
        """All versions that begin where records were read."""
        assert self._history is not None, "refresh comes first"  # noqa: S101 - an order of calls, not input
        return self._history

    async def refresh(self) -> None:
        """Read them anew.

        Raises:
            ContractConflict: this program's contract is not of this log.
            StreamHalted, LogUnavailable: Kafka has none, or did not answer.
        """
        self._history = await contract_log.read(self._cluster)

    async def see(self, polled: Iterable[Sequence[ConsumerRecord[Any, Any]]]) -> None:
        """Take note of records that were read: where one says that a version begins, it has to be known.

        Raises:
            as `refresh`.
        """
        for records in polled:
            for record in [record for record in records if record.value is None]:
                where = (record.topic, record.partition, record.offset)
                if _says_so(record) and not self.history.is_marker(*where):
                    await self.refresh()
                    return

    def limits(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where the part of the log begins that only a newer program can decide about, of those that have one."""
        found = {p: self.history.limit(*p) for p in partitions} if self.history.unreadable else {}
        return {partition: limit for partition, limit in found.items() if limit is not None}

    @property
    def newer(self) -> NewerContract:
        """The error that says so."""
        return contract_log.newer(self.history)


def _says_so(record: ConsumerRecord[Any, Any]) -> bool:
    return any(name == MARKER for name, _ in record.headers)
