"""A sink as somebody outside of the project would write one: plain Parquet files in folders, and nothing else.

    FOLDER/clicks/topic                    which topic fills it
    FOLDER/clicks/3/000007.json            the eighth change of partition 3: where it stands, and which file that added
    FOLDER/clicks/3/000000000120.parquet   events, from offset 120 on

What makes it exactly once is one promise of the file system: of two processes that link a file to the same name, one
succeeds. Changes are numbered, so whoever wants to write the next one has to have read the last one. An owner that was
replaced meets a change that it has not read, reads it, and finds another epoch. Readers look at the files that changes
name; what a crash left behind is named by none.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from shoplake.contract import TOPICS
from shoplake.errors import StoreUnavailable
from shoplake.sinks.base import Batch, Checkpoint, Ownership, Sink, TopicPartition

# Between reading the last change and linking the next, others may be quicker, each of them once.
ATTEMPTS = 20


class ParquetSink(Sink):
    """Appends batches to Parquet files below a folder of a local disk."""

    name = "parquet"
    topics = frozenset(TOPICS)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def prepare(self) -> None:
        """Make the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Link a change per partition that adds nothing and raises the epoch."""
        return await asyncio.to_thread(lambda: {p: self._take_over(p) for p in sorted(partitions)})

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """What the last change of each partition says."""
        read = await asyncio.to_thread(lambda: {p: self._last(p)[1] for p in partitions})
        return {partition: checkpoint for partition, checkpoint in read.items() if checkpoint is not None}

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Note each topic in a file that is linked once."""
        return await asyncio.to_thread(lambda: {topic: self._identify(topic, text) for topic, text in topics.items()})

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """One file and one change per partition."""
        await asyncio.to_thread(self._apply, batch, owner)

    async def close(self) -> None:
        """Nothing is held open."""

    def _apply(self, batch: Batch, owner: Ownership) -> None:
        for _ in range(ATTEMPTS):
            last = {partition: self._last(partition) for partition in batch.ranges}
            found = {partition: checkpoint for partition, (_, checkpoint) in last.items() if checkpoint is not None}
            fresh = batch.fresh(self.name, found, owner)
            # One partition that was quicker elsewhere sends all back to read again, and those that are done fall away.
            if all(self._append(p, last[p][0] + 1, fresh, owner) for p in fresh.ranges):
                return
        raise StoreUnavailable(f"parquet: changes were linked {ATTEMPTS} times while one batch was tried")

    def _append(self, partition: TopicPartition, number: int, fresh: Batch, owner: Ownership) -> bool:
        events = fresh.events.get(partition.topic, pl.DataFrame({"partition": []}))
        events = events.filter(pl.col("partition") == partition.partition)
        added = None
        if not events.is_empty():
            added = f"{fresh.ranges[partition].start:012}-{uuid.uuid4().hex[:8]}.parquet"
            events.write_parquet(self._place(partition) / added)
        return self._change(partition, number, Checkpoint(fresh.ranges[partition].stop, owner[partition]), added)

    def _take_over(self, partition: TopicPartition) -> Checkpoint:
        for _ in range(ATTEMPTS):
            number, found = self._last(partition)
            mine = Checkpoint(found.next_offset, found.epoch + 1) if found else Checkpoint(0, 1)
            if self._change(partition, number + 1, mine, None):
                return mine
        raise StoreUnavailable(f"parquet: {partition} was taken over {ATTEMPTS} times at once")

    def _change(self, partition: TopicPartition, number: int, now: Checkpoint, added: str | None) -> bool:
        change = {"next_offset": now.next_offset, "epoch": now.epoch, "added": added}
        return _link_once(self._place(partition) / f"{number:06}.json", json.dumps(change))

    def _last(self, partition: TopicPartition) -> tuple[int, Checkpoint | None]:
        number = max((int(change.stem) for change in self._place(partition).glob("*.json")), default=-1)
        if number < 0:
            return number, None
        change = json.loads((self._place(partition) / f"{number:06}.json").read_text())
        return number, Checkpoint(change["next_offset"], change["epoch"])

    def _identify(self, topic: str, identity: str) -> str:
        path = self._folder / topic / "topic"
        _link_once(path, identity)
        return path.read_text()

    def _place(self, partition: TopicPartition) -> Path:
        return self._folder / partition.topic / str(partition.partition)


def events_of(folder: Path, topic: str) -> Iterator[pl.DataFrame]:
    """What a reader sees: the files that changes name."""
    for change in sorted((folder / topic).glob("*/*.json")):
        added: Any = json.loads(change.read_text())["added"]
        if added is not None:
            yield pl.read_parquet(change.with_name(added))


def _link_once(path: Path, text: str) -> bool:
    """Have a file of this name with all of its text, or leave the one that is there; whether it is ours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{uuid.uuid4().hex}")
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
