"""What takes longest, and can be done by another process: the log, and what the simulator says of it, as Parquet."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shoplake.contract import DEAD_LETTERS, TOPICS
from shoplake.verify import log
from shoplake.verify.apart import Tell
from shoplake.verify.events import Spill, spill_chunk
from shoplake.verify.simulation import spill_simulation

if TYPE_CHECKING:
    from pathlib import Path

    from shoplake.settings import KafkaSettings


def read_log(cluster: KafkaSettings, folder: Path, tell: Tell) -> int:
    """Write the log to the spill in `folder`; gives the number of events, and tells it on the way.

    Raises:
        StackError: Kafka does not answer or lacks a topic.
        OSError: the folder is full.
    """
    return asyncio.run(_read_log(cluster, Spill(folder), tell))


def simulate(published: Sequence[Mapping[str, Any]], folder: Path, tell: Tell) -> int:
    """Write what each publisher published to the spill in `folder`; gives the number of events.

    Raises:
        VerifyFailed: another version of the simulator published, so its events cannot be made again.
        OSError: the folder is full.
    """
    del tell
    return spill_simulation(Spill(folder), published)


async def _read_log(cluster: KafkaSettings, spill: Spill, tell: Tell) -> int:
    """One chunk is written while the next is read."""
    events = 0
    writing: asyncio.Task[int] | None = None
    async with asyncio.TaskGroup() as tasks:
        async for chunk in log.read(cluster, [*TOPICS, DEAD_LETTERS]):
            if writing:
                events += await writing
                tell(events)
            writing = tasks.create_task(asyncio.to_thread(spill_chunk, spill, chunk))
    return events + (writing.result() if writing else 0)
