"""Export the log to Parquet. It is the slowest step, so it can run in a subprocess."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from shoplake import contract_log
from shoplake.contract import DEAD_LETTERS, TOPICS
from shoplake.contract.history import History
from shoplake.verify import log_reader
from shoplake.verify.event_tables import Spill, spill_chunk
from shoplake.verify.subprocess_worker import OnProgress

if TYPE_CHECKING:
    from pathlib import Path

    from shoplake.settings import KafkaSettings


def read_log(cluster: KafkaSettings, folder: Path, on_progress: OnProgress) -> int:
    """Write the log to Parquet files in `folder`. Return the number of events, and report it on the way.

    Raises:
        StackError: Kafka does not answer, or a topic is missing.
        NewerContract: part of the log uses a newer contract than this program.
        OSError: the folder is full.
    """
    return asyncio.run(_read_log(cluster, Spill(folder), on_progress))


async def _read_log(cluster: KafkaSettings, spill: Spill, on_progress: OnProgress) -> int:
    """Write each chunk while the next one is read."""
    events = 0
    known: History | None = None
    writing: asyncio.Task[int] | None = None
    async with asyncio.TaskGroup() as tasks:
        async for chunk in log_reader.read(cluster, [*TOPICS, DEAD_LETTERS]):
            if writing:
                events += await writing
                on_progress(events)
            if known is None:
                # The end of the log is fixed now, so no unknown version can begin before it.
                known = await contract_log.read(cluster)
                contract_log.refuse_newer(known)
            writing = tasks.create_task(asyncio.to_thread(spill_chunk, spill, chunk, known))
    return events + (writing.result() if writing else 0)
