"""The store in memory and the example keep what every sink promises; and what breaks a promise is noticed."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from shoplake.paths import project_root
from shoplake.sinks import conformance
from shoplake.sinks.base import Batch, Checkpoint, Ownership, Sink, TopicPartition
from shoplake.sinks.conformance import PROMISES, Promise, Subject
from shoplake.sinks.memory import Memory, MemorySink

VIEWED = {"type": "product_viewed", "product_id": "p1"}


def example(name: str) -> ModuleType:
    """A file of the folder of examples, as a module."""
    spec = importlib.util.spec_from_file_location(name, project_root() / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


parquet = example("parquet_sink")


class Clicks(Subject):
    topic, entity_field, event = "clicks", "session_id", VIEWED


class MemorySubject(Clicks):
    def __init__(self, _: Path) -> None:
        super().__init__()
        self.memory = Memory()

    def make(self) -> Sink:
        return MemorySink(self.memory, ["clicks"])

    def counted(self, entity: str) -> int:
        return sum(row["session_id"] == entity for row in self.memory.rows)


class ParquetSubject(Clicks):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def make(self) -> Sink:
        return parquet.ParquetSink(self.folder)

    def counted(self, entity: str) -> int:
        files = parquet.events_of(self.folder, "clicks")
        return sum(int((events["session_id"] == entity).sum()) for events in files)


@pytest.fixture(params=[MemorySubject, ParquetSubject])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    one = request.param(tmp_path)
    yield one
    await one.close()


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_a_sink_conforms(subject: Subject, promise: Promise) -> None:
    await promise(subject)


def test_every_rule_of_the_conformance_suite_is_checked() -> None:
    declared = [
        one
        for name, one in vars(conformance).items()
        if getattr(one, "__annotations__", {}).get("subject") == "Subject" and not name.startswith("_")
    ]
    assert declared == list(PROMISES)


class Broken(MemorySink):
    """A sink that lacks something, by name."""

    def __init__(self, memory: Memory, lacks: str) -> None:
        super().__init__(memory, ["clicks"])
        self._lacks = lacks

    async def open(self, partitions: Any) -> Mapping[TopicPartition, Checkpoint]:
        opened = await super().open(partitions)
        if self._lacks == "epochs":
            self._memory.checkpoints |= {p: Checkpoint(c.next_offset, 1) for p, c in opened.items()}
            return {p: self._memory.checkpoints[p] for p in opened}
        return opened

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        found = self._memory.checkpoints
        match self._lacks:
            case "fence":
                owner = {p: found[p].epoch if p in found else 1 for p in batch.ranges}
            case "offsets":
                self._memory.checkpoints |= {
                    p: Checkpoint(read.start, found[p].epoch) for p, read in batch.ranges.items() if p in found
                }
            case "checkpoint":
                before = dict(found)
                await super().apply(batch, owner)
                self._memory.checkpoints = before
                return
            case "quotes":
                events = {t: f.with_columns(pl.col("session_id").str.strip_chars()) for t, f in batch.events.items()}
                batch = Batch(events, batch.ranges)
        await super().apply(batch, owner)

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        return topics if self._lacks == "identity" else await super().identify(topics)


class BrokenSubject(MemorySubject):
    def __init__(self, lacks: str) -> None:
        super().__init__(Path())
        self.lacks = lacks

    def make(self) -> Sink:
        return Broken(self.memory, self.lacks)


@pytest.mark.parametrize("lacks", ["epochs", "fence", "offsets", "checkpoint", "quotes", "identity"])
async def test_a_sink_with_a_defect_fails_the_conformance_suite(lacks: str) -> None:
    broken = []
    for promise in PROMISES:
        try:
            await promise(BrokenSubject(lacks))
        except Exception as error:
            broken.append((promise.__name__, error))
    assert any(isinstance(error, AssertionError) for _, error in broken), broken
    assert all(str(error) for _, error in broken)
