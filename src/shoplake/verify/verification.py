"""One verification, from the log to the report."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import duckdb
from aiokafka.errors import KafkaError

from shoplake import kafka, open_transactions
from shoplake.contract import DEAD_LETTERS, OUTCOMES, PUBLISH_PROGRESS, TOPICS
from shoplake.errors import ShoplakeError, UnknownName, first_of
from shoplake.open_transactions import OpenTransaction
from shoplake.settings import Settings
from shoplake.verify import log_reader
from shoplake.verify.comparison import compare
from shoplake.verify.database import open_database, run_sql
from shoplake.verify.event_tables import Spill
from shoplake.verify.internal_topics import Newest, newest_outcomes, newest_progress
from shoplake.verify.log_export import read_log
from shoplake.verify.replay_check import check_replays, note_outcomes
from shoplake.verify.report import STORES, Finding, Report, StoreResult
from shoplake.verify.simulation_check import check_log, simulated_sums, spill_simulation
from shoplake.verify.stores import Store, store
from shoplake.verify.structure_diff import result_of
from shoplake.verify.subprocess_worker import Apart

OPEN_FOR_S = 2.0  # after what `settled_ends` has waited
Progress = Callable[[str], None]
APART_RECORDS = 500_000
"""So long is a log that is read by a process of its own, which takes half a second to begin."""


async def verify(settings: Settings, stores: Collection[str] | None = None, progress: Progress | None = None) -> Report:
    """Prove stores against the log; the log must be at rest and the sinks caught up.

    Args:
        settings: where everything is.
        stores: some of `STORES`; all of them by default.
        progress: is told what is going on, in short sentences.

    Raises:
        UsageError: a name that is no store.
        StackError: Kafka does not answer or lacks a topic.
        NewerContract: a part of the log is under a newer contract than this program's.
        StoreUnavailable: a store does not answer; the message names each such store.
        VerifyFailed: the log cannot be simulated by this version.
        ShoplakeError: the temporary folder is full.
    """
    wanted = named(stores)
    tell = progress or (lambda _: None)
    start = time.monotonic()
    records = 0
    hidden: Sequence[OpenTransaction] = ()
    topics = (*TOPICS, DEAD_LETTERS)
    try:
        records = sum((await kafka.settled_ends(settings.kafka, topics)).values())
    except TimeoutError:
        with contextlib.suppress(ShoplakeError):
            hidden = await open_transactions.lasting(settings.kafka, topics, OPEN_FOR_S)
    except KafkaError:
        pass  # it is said when the log is read
    with tempfile.TemporaryDirectory(prefix="shoplake-verify-", ignore_cleanup_errors=True) as folder:
        database = open_database(Path(folder))
        run = _Run(settings, Path(folder), Spill(Path(folder) / "spill"), records >= APART_RECORDS, database, tell)
        try:
            results = await run.check(wanted)
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise ShoplakeError(
                f"the verification could not go on: {error}",
                fix=f"it needs about 150 bytes per event in {tempfile.gettempdir()}; free some, or set TMPDIR",
            ) from error
        database.close()  # not where it failed: threads may be at work in it, and DuckDB would crash
    seconds = round(time.monotonic() - start, 3)
    return Report(stores=tuple(results), seconds=seconds, hidden=tuple(map(str, hidden)))


def named(stores: Collection[str] | None) -> list[str]:
    """Stores by name, in the order in which they are reported; all of them for None.

    Raises:
        UsageError: a name that is no store.
    """
    if unknown := sorted(set(stores or ()) - set(STORES)):
        raise UnknownName(f"there is no store '{unknown[0]}'", fix=f"choose from {', '.join(STORES)}")
    return [name for name in STORES if stores is None or name in stores]


@dataclass(frozen=True, slots=True)
class _Run:
    """One verification's surroundings.

    Attributes:
        apart: whether a process of its own is to read the log.
        working: held by the store that is being read or compared. One at a time fills two processors beside the log
            and the simulation, and several at once would take as much memory again.
    """

    settings: Settings
    folder: Path
    spill: Spill
    apart: bool
    database: duckdb.DuckDBPyConnection
    tell: Progress
    working: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def check(self, wanted: Sequence[str]) -> list[StoreResult]:
        """The results of the wanted stores, which are read while the log is being read."""
        self.spill.create_views(self.database)
        run_sql(self.database, "common")
        try:
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read_log())
                checks = [tasks.create_task(self._outcome(name, reading)) for name in wanted]
        except ExceptionGroup as group:
            raise first_of(group) from group
        outcomes = [check.result() for check in checks]
        errors = [outcome for outcome in outcomes if isinstance(outcome, ShoplakeError)]
        if errors:
            fixes = dict.fromkeys(error.fix for error in errors if error.fix)
            raise type(errors[0])("\n".join(error.message for error in errors), fix="; ".join(fixes))
        return [outcome for outcome in outcomes if isinstance(outcome, StoreResult)]

    async def _outcome(self, name: str, reading: asyncio.Task[None]) -> StoreResult | ShoplakeError:
        try:
            result = await (self._check_log(reading) if name == "log" else self._check_store(name, reading))
        except ShoplakeError as error:  # the others go on: one message then names all that is wrong
            return error
        except (duckdb.IOException, duckdb.OutOfMemoryException):
            raise
        except duckdb.Error as error:
            return ShoplakeError(
                f"{name}: expected rows that can be compared, found {str(error).splitlines()[0]}",
                fix="nobody should see this: please report it, with the message",
            )
        self.tell(f"{name}: {'exact' if result.ok else 'not exact'}, {result.found:,} of {result.expected:,} rows")
        return result

    async def _check_store(self, name: str, reading: asyncio.Task[None]) -> StoreResult:
        cursor = self.database.cursor()
        module = await asyncio.to_thread(store, name)
        await asyncio.to_thread(module.fold, cursor)  # of next to nothing yet: it gives the tables their columns
        async with self.working:
            findings = await asyncio.to_thread(module.load, cursor, self.settings, self.folder)
        await reading
        async with self.working:
            return await asyncio.to_thread(_compared, cursor, module, self.folder, findings)

    async def _check_log(self, reading: asyncio.Task[None]) -> StoreResult:
        progress = newest_progress([chunk async for chunk in log_reader.read(self.settings.kafka, [PUBLISH_PROGRESS])])
        self._tell_passed_over(PUBLISH_PROGRESS, progress)
        published = progress.values
        for record in published:
            self.tell(f"{record['publisher']} says it published {record['events']:,} events")
        cursor = self.database.cursor()
        outcomes = newest_outcomes([chunk async for chunk in log_reader.read(self.settings.kafka, [OUTCOMES])])
        self._tell_passed_over(OUTCOMES, outcomes)
        note_outcomes(cursor, outcomes.values)
        simulated = await asyncio.to_thread(simulated_sums, published, self.folder)
        await reading
        async with self.working:
            spill = partial(spill_simulation, self.spill, published)
            results = [
                await asyncio.to_thread(check_log, cursor, simulated, spill),
                await asyncio.to_thread(check_replays, cursor),
                progress.as_result(),
                outcomes.as_result(),
            ]
        return StoreResult.total("log", results)

    def _tell_passed_over(self, topic: str, found: Newest) -> None:
        if found.passed_over:
            self.tell(f"{topic}: {found.passed_over:,} records that nothing depends on were passed over")

    async def _read_log(self) -> None:
        def told(events: int) -> None:
            self.tell(f"log: {events:,} events read")

        read = partial(read_log, self.settings.kafka, self.spill.folder)
        if self.apart:
            with Apart() as process:
                told(await process.run(read, told))
        else:
            told(await asyncio.to_thread(read, told))


def _compared(
    cursor: duckdb.DuckDBPyConnection, module: Store, folder: Path, findings: Sequence[Finding]
) -> StoreResult:
    module.fold(cursor)
    module.settle(cursor)
    try:
        parts = [compare(cursor, comparison) for comparison in module.COMPARISONS]
    except (duckdb.IOException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error:  # a file that is read only now holds what nobody can read
        findings = [*findings, *module.repair(cursor, folder)]
        parts = [compare(cursor, comparison) for comparison in module.COMPARISONS]
    name = parts[0].name
    return StoreResult.total(name, [result_of(name, findings), *parts])
