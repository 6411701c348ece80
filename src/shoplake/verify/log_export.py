"""What takes longest, and can be done by another process: to write the log down as Parquet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from shoplake import contract_log
from shoplake.contract import DEAD_LETTERS, TOPICS
from shoplake.contract.history import History
from shoplake.verify import log_reader
from shoplake.verify.event_tables import Spill, spill_chunk
from shoplake.verify.subprocess_worker import Tell

if TYPE_CHECKING:
    from pathlib import Path

    from shoplake.settings import KafkaSettings


def read_log(cluster: KafkaSettings, folder: Path, tell: Tell) -> int:
    """Write the log to the spill in `folder`; gives the number of events, and tells it on the way.

    Raises:
        StackError: Kafka does not answer or lacks a topic.
        NewerContract: a part of it is under a newer contract than this program's.
        OSError: the folder is full.
    """
    return asyncio.run(_read_log(cluster, Spill(folder), tell))


async def _read_log(cluster: KafkaSettings, spill: Spill, tell: Tell) -> int:
    """One chunk is written while the next is read."""
    events = 0
    known: History | None = None
    writing: asyncio.Task[int] | None = None
    async with asyncio.TaskGroup() as tasks:
        async for chunk in log_reader.read(cluster, [*TOPICS, DEAD_LETTERS]):
            if writing:
                events += await writing
                tell(events)
            if known is None:
                # Where the log ends is settled by now: no version can begin before it that is not known here.
                known = await contract_log.read(cluster)
                contract_log.refuse_newer(known)
            writing = tasks.create_task(asyncio.to_thread(spill_chunk, spill, chunk, known))
    return events + (writing.result() if writing else 0)
