"""Maintenance of the lake's tables: compact files, expire snapshots, delete orphan files. Sinks can run meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from pyiceberg.exceptions import NoSuchTableError

from shoplake.contract import TOPICS
from shoplake.errors import UnknownName, UsageError
from shoplake.sinks.lake.cleanup import expirable, expire, move, orphans, remove
from shoplake.sinks.lake.compaction import compact, plan
from shoplake.sinks.lake.sink import Answering
from shoplake.sinks.lake.tables import open_catalog

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from shoplake.settings import Settings

Step = Literal["compact", "expire", "orphans"]
STEPS: tuple[Step, ...] = ("compact", "expire", "orphans")
# A commit of a sink takes minutes at most. Commits of other engines may take longer, so the default is days.
LEAST_ORPHAN_AGE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The thresholds of maintenance.

    Attributes:
        target_bytes: target size of files.
        min_files: a day with fewer small files is not compacted.
        keep: snapshots younger than this are kept.
        orphan_age: files younger than this are kept, also if no snapshot refers to them.
    """

    target_bytes: int = 64 * 2**20
    min_files: int = 5
    keep: timedelta = timedelta(days=5)
    orphan_age: timedelta = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Maintained:
    """The result of maintenance of one table; for a dry run, the expected result.

    Attributes:
        files_after: number of data files in the current snapshot afterwards.
        bytes_after: their size; a dry run cannot know it and gives the size before.
        compacted: number of data files that were merged.
        snapshots_after: number of snapshots afterwards, including those that compaction adds.
        expired: number of expired snapshots.
        orphans: number of files that no snapshot refers to.
        orphan_bytes: their size.
    """

    table: str
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    compacted: int = 0
    snapshots_before: int = 0
    snapshots_after: int = 0
    expired: int = 0
    orphans: int = 0
    orphan_bytes: int = 0


Watch = Callable[[str], None]
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def bounds_of(*, target_mb: int, min_files: int, keep: str, orphan_age: str) -> Bounds:
    """Create bounds from command-line options.

    Raises:
        UsageError: an invalid time, or an orphan age so low that a running commit may still need the files.
    """
    age = _duration(orphan_age)
    if age < LEAST_ORPHAN_AGE:
        raise UsageError(
            f"expected an orphan age of at least 1h, found {orphan_age}",
            fix="choose a longer time: a young file may belong to a commit that is still running",
        )
    return Bounds(target_mb * 2**20, min_files, _duration(keep), age)


def topics_of(names: str) -> Sequence[str]:
    """Parse a comma-separated list of topics; an empty list means all."""
    return [name.strip() for name in names.split(",") if name.strip()] or tuple(TOPICS)


def steps_of(names: str) -> Sequence[Step]:
    """Parse a comma-separated list of steps into the order of execution; an empty list means all.

    Raises:
        UsageError: one of the steps does not exist.
    """
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    if unknown := sorted(wanted - set(STEPS)):
        raise UnknownName(f"there is no step '{unknown[0]}'", fix=f"choose from {', '.join(STEPS)}")
    return [step for step in STEPS if step in wanted] or STEPS


def _duration(text: str) -> timedelta:
    amount, unit = text[:-1], text[-1:]
    try:
        if unit in _UNITS and amount.isdecimal():
            return int(amount) * _UNITS[unit]
    except OverflowError:
        pass  # too long for a timedelta
    raise UsageError(f"expected a time such as 30m, 12h or 5d, found '{text}'")


async def maintain(
    settings: Settings,
    bounds: Bounds,
    *,
    topics: Sequence[str] = tuple(TOPICS),
    steps: Sequence[Step] = STEPS,
    dry_run: bool = False,
    watch: Watch | None = None,
) -> list[Maintained]:
    """Run the maintenance steps on the tables, one table after the other.

    Args:
        settings: settings of the environment.
        bounds: the thresholds.
        topics: topics whose tables are maintained.
        steps: some of `STEPS`.
        dry_run: change nothing, and return the expected result.
        watch: called with progress messages.

    Raises:
        UsageError: there is no such topic.
        StoreUnavailable: the catalogue or S3 did not answer, or every attempt conflicted with commits of sinks.
    """
    if unknown := sorted(set(topics) - set(TOPICS)):
        raise UnknownName(f"the lake has no table '{unknown[0]}'", fix=f"choose from {', '.join(TOPICS)}")
    tell = watch or (lambda _: None)
    catalog = await asyncio.to_thread(open_catalog, settings)
    done = []
    for topic in topics:
        with Answering(topic):
            try:
                table = await asyncio.to_thread(catalog.load_table, (settings.lake.database, topic))
            except NoSuchTableError:
                tell(f"{topic}: no sink has created this table yet")
                continue
            done.append(await _Maintenance(table, topic, bounds, dry_run, tell).run(steps))
    return done


@dataclass(frozen=True, slots=True)
class _Maintenance:
    table: Table
    topic: str
    bounds: Bounds
    dry_run: bool
    tell: Watch

    async def run(self, steps: Sequence[Step]) -> Maintained:
        files_before, bytes_before = await asyncio.to_thread(_files, self.table)
        snapshots_before = len(self.table.snapshots())
        groups = await asyncio.to_thread(self._compact) if "compact" in steps else []
        expired = await asyncio.to_thread(self._expire) if "expire" in steps else 0
        removed, removed_bytes = await self._clean_up() if "orphans" in steps else (0, 0)
        compacted = sum(groups)
        if self.dry_run:
            files_after, bytes_after = files_before - compacted + len(groups), bytes_before
            snapshots_after = snapshots_before + len(groups) - expired
        else:
            files_after, bytes_after = await asyncio.to_thread(_files, self.table.refresh())
            snapshots_after = len(self.table.snapshots())
        return Maintained(
            table=self.topic,
            files_before=files_before,
            files_after=files_after,
            bytes_before=bytes_before,
            bytes_after=bytes_after,
            compacted=compacted,
            snapshots_before=snapshots_before,
            snapshots_after=snapshots_after,
            expired=expired,
            orphans=removed,
            orphan_bytes=removed_bytes,
        )

    def _compact(self) -> list[int]:
        """Compact group by group; returns the number of merged files of each group (for a dry run, as planned)."""
        tasks = self.table.scan().plan_files()
        groups = plan(tasks, target_bytes=self.bounds.target_bytes, min_files=self.bounds.min_files)
        if self.dry_run:
            return [len(group.files) for group in groups]
        done: list[int] = []
        for group in groups:
            if compact(self.table, group):
                done.append(len(group.files))
                self.tell(f"{self.topic}: {sum(done):,} files compacted, group {len(done):,} of {len(groups):,}")
        return done

    def _expire(self) -> int:
        before = datetime.now(UTC) - self.bounds.keep
        return len(expirable(self.table, before)) if self.dry_run else expire(self.table, before)

    async def _clean_up(self) -> tuple[int, int]:
        before = datetime.now(UTC) - self.bounds.orphan_age
        found = await asyncio.to_thread(orphans, self.table, before)
        if found and not self.dry_run:
            await asyncio.to_thread(move, self.table)
            # Searched again: a commit in between may refer to some of these files.
            found = await asyncio.to_thread(orphans, self.table, before)
            await remove(found)
            self.tell(f"{self.topic}: {len(found)} orphans removed")
        return len(found), sum(file.size_bytes for file in found)


def _files(table: Table) -> tuple[int, int]:
    """Number and total size of the data files in the current snapshot."""
    sizes = [task.file.file_size_in_bytes for task in table.scan().plan_files()]
    return len(sizes), sum(sizes)
