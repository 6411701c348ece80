"""Run one verification: read the log, compare every store with it, return a report."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import duckdb
import msgspec
from aiokafka.errors import KafkaError

from shoplake import kafka, open_transactions, run_log
from shoplake.contract import DEAD_LETTERS, OUTCOMES, PUBLISH_PROGRESS, TOPICS
from shoplake.errors import ShoplakeError, StoreUnavailable, UnknownName, first_of
from shoplake.open_transactions import OpenTransaction
from shoplake.settings import Settings
from shoplake.verify import log_reader
from shoplake.verify.comparison import compare
from shoplake.verify.database import open_database, run_sql
from shoplake.verify.event_tables import Spill
from shoplake.verify.explanation import events_of, rows_of
from shoplake.verify.internal_topics import Newest, newest_outcomes, newest_progress
from shoplake.verify.log_export import read_log
from shoplake.verify.replay_check import check_replays, note_outcomes
from shoplake.verify.report import ALWAYS_PRESENT, STORES, ExplainedRow, Explanation, Finding, Report, StoreResult
from shoplake.verify.simulation_check import check_log, simulated_sums, spill_simulation
from shoplake.verify.stores import Store, store
from shoplake.verify.structure_diff import result_of
from shoplake.verify.subprocess_worker import SubprocessWorker

OPEN_FOR_S = 2.0  # in addition to the wait in `stable_end_offsets`
Progress = Callable[[str], None]
JOB = "verify"
"""Its name in the run log."""
SUBPROCESS_MIN_RECORDS = 500_000
"""A log of at least this many records is read by a subprocess, which takes half a second to start."""


async def verify(
    settings: Settings,
    stores: Collection[str] | None = None,
    progress: Progress | None = None,
    *,
    explain: str | None = None,
    through: Mapping[str, Store] | None = None,
) -> Report:
    """Compare stores with the log. Publishers must be stopped and the sinks caught up. The run log notes the result.

    Args:
        settings: of the environment.
        stores: a subset of `STORES`. Default: all; the warehouse only if one was built.
        through: other readers by name, which are compared in place of `stores`.
        progress: called with one short sentence per step.
        explain: a key, or one part of it, whose rows and events the report shows in full.

    Raises:
        UsageError: a name is not a store.
        StackError: Kafka does not answer, or a topic is missing.
        NewerContract: part of the log uses a newer contract than this program.
        StoreUnavailable: a store does not answer. The message names each such store.
        VerifyFailed: this version cannot repeat the simulation of the log.
        ShoplakeError: the temporary folder is full.
    """
    with run_log.recording(JOB, environment=settings.environment) as results:
        report = await _verified(settings, stores, progress or (lambda _: None), explain, through or {})
        results[JOB].counts = report.counts
        results[JOB].positions = next((store.positions for store in report.stores if store.positions), "")
    return report


async def _verified(
    settings: Settings,
    stores: Collection[str] | None,
    report_progress: Progress,
    explain: str | None,
    through: Mapping[str, Store],
) -> Report:
    wanted = list(through) or (await default_stores(settings) if stores is None else named(stores))
    start = time.monotonic()
    records = 0
    hidden: Sequence[OpenTransaction] = ()
    topics = (*TOPICS, DEAD_LETTERS)
    try:
        records = sum((await kafka.stable_end_offsets(settings.kafka, topics)).values())
    except TimeoutError:
        with contextlib.suppress(ShoplakeError):
            hidden = await open_transactions.find_lasting(settings.kafka, topics, OPEN_FOR_S)
    except KafkaError:
        pass  # reading the log reports it
    with tempfile.TemporaryDirectory(prefix="shoplake-verify-", ignore_cleanup_errors=True) as folder:
        database = open_database(Path(folder))
        run = _Run(
            settings,
            Path(folder),
            Spill(Path(folder) / "spill"),
            records >= SUBPROCESS_MIN_RECORDS,
            database,
            report_progress,
            explain,
            through,
        )
        try:
            results = await run.check(wanted)
            explanation = await asyncio.to_thread(run.explanation)
        except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise ShoplakeError(
                f"the verification could not continue: {error}",
                fix=f"it needs about 150 bytes per event in {tempfile.gettempdir()}; free some space, or set TMPDIR",
            ) from error
        database.close()  # not after an error: threads may still use it, and DuckDB would crash
    seconds = round(time.monotonic() - start, 3)
    return Report(tuple(results), seconds, tuple(map(str, hidden)), explanation)


def named(stores: Collection[str] | None) -> list[str]:
    """Return the named stores in the order of the report. None means all.

    Raises:
        UsageError: a name is not a store.
    """
    if unknown := sorted(set(stores or ()) - set(STORES)):
        raise UnknownName(f"there is no store '{unknown[0]}'", fix=f"choose from {', '.join(STORES)}")
    return [name for name in STORES if stores is None or name in stores]


async def default_stores(settings: Settings) -> list[str]:
    """Return the stores of this environment: all, without the warehouse if none was built."""
    from shoplake.verify.stores import warehouse  # PyIceberg takes half a second to import

    try:
        is_built = await asyncio.to_thread(warehouse.is_built, settings)
    except StoreUnavailable:
        is_built = True  # the check of the warehouse reports it
    return named(None if is_built else ALWAYS_PRESENT)


@dataclass(frozen=True, slots=True)
class _Run:
    """The state of one verification.

    Attributes:
        in_subprocess: whether a subprocess reads the log.
        explain: the key to explain, if any; `explained` are its rows so far.
        through: readers that are no store of `STORES`, by name.
        store_lock: held by the store that is being read or compared. One store at a time, with the log and the
            simulation, keeps two processors busy; each additional store would need as much memory again.
    """

    settings: Settings
    folder: Path
    spill: Spill
    in_subprocess: bool
    database: duckdb.DuckDBPyConnection
    report_progress: Progress
    explain: str | None = None
    through: Mapping[str, Store] = field(default_factory=dict)
    explained: list[ExplainedRow] = field(default_factory=list)
    store_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def check(self, wanted: Sequence[str]) -> list[StoreResult]:
        """Check the named stores. They are read in parallel with the log."""
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
        except ShoplakeError as error:  # the other checks continue, so that one message names every problem
            return error
        except (duckdb.IOException, duckdb.OutOfMemoryException):
            raise
        except duckdb.Error as error:
            return ShoplakeError(
                f"{name}: expected rows that can be compared, found {str(error).splitlines()[0]}",
                fix="this is a bug: please report it with this message",
            )
        self.report_progress(
            f"{name}: {'exact' if result.ok else 'not exact'}, {result.found:,} of {result.expected:,} rows"
        )
        return result

    async def _check_store(self, name: str, reading: asyncio.Task[None]) -> StoreResult:
        cursor = self.database.cursor()
        module = self.through[name] if name in self.through else await asyncio.to_thread(store, name)
        await asyncio.to_thread(module.fold, cursor)  # almost no events yet: this creates the tables with their columns
        async with self.store_lock:
            findings = await asyncio.to_thread(module.load, cursor, self.settings, self.folder)
        await reading
        async with self.store_lock:
            result = await asyncio.to_thread(_compared, cursor, module, self.folder, findings)
            if name == "warehouse":
                from shoplake.verify.stores.warehouse import positions  # as in `default_stores`

                at = await asyncio.to_thread(positions.compared_at, cursor)
                result = msgspec.structs.replace(result, positions=at)
            if self.explain is not None:
                for comparison in module.COMPARISONS:
                    self.explained.extend(await asyncio.to_thread(rows_of, cursor, comparison, self.explain))
            return result

    def explanation(self) -> Explanation | None:
        """Everything about the key to explain; None without one."""
        if self.explain is None:
            return None
        events, count = events_of(self.database.cursor(), self.explain)
        names = [*STORES, *self.through]
        rows = sorted(self.explained, key=lambda row: names.index(row.store))
        return Explanation(self.explain, tuple(rows), events, count)

    async def _check_log(self, reading: asyncio.Task[None]) -> StoreResult:
        progress = newest_progress([chunk async for chunk in log_reader.read(self.settings.kafka, [PUBLISH_PROGRESS])])
        self._report_ignored(PUBLISH_PROGRESS, progress)
        published = progress.values
        for record in published:
            self.report_progress(f"{record['publisher']} published {record['events']:,} events, by its progress record")
        cursor = self.database.cursor()
        outcomes = newest_outcomes([chunk async for chunk in log_reader.read(self.settings.kafka, [OUTCOMES])])
        self._report_ignored(OUTCOMES, outcomes)
        note_outcomes(cursor, outcomes.values)
        simulated = await asyncio.to_thread(simulated_sums, published, self.folder)
        await reading
        async with self.store_lock:
            spill = partial(spill_simulation, self.spill, published)
            results = [
                await asyncio.to_thread(check_log, cursor, simulated, spill),
                await asyncio.to_thread(check_replays, cursor),
                progress.as_result(),
                outcomes.as_result(),
            ]
        return StoreResult.total("log", results)

    def _report_ignored(self, topic: str, found: Newest) -> None:
        if found.passed_over:
            self.report_progress(f"{topic}: {found.passed_over:,} records of other programs were ignored")

    async def _read_log(self) -> None:
        def events_read(events: int) -> None:
            self.report_progress(f"log: {events:,} events read")

        read = partial(read_log, self.settings.kafka, self.spill.folder)
        if self.in_subprocess:
            with SubprocessWorker() as process:
                events_read(await process.run(read, events_read))
        else:
            events_read(await asyncio.to_thread(read, events_read))


def _compared(
    cursor: duckdb.DuckDBPyConnection, module: Store, folder: Path, findings: Sequence[Finding]
) -> StoreResult:
    module.fold(cursor)
    module.settle(cursor)
    try:
        parts = [compare(cursor, comparison) for comparison in module.COMPARISONS]
    except (duckdb.IOException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error:  # a file that DuckDB reads only now is unreadable
        findings = [*findings, *module.repair(cursor, folder)]
        parts = [compare(cursor, comparison) for comparison in module.COMPARISONS]
    name = parts[0].name
    return StoreResult.total(name, [result_of(name, findings), *parts])
