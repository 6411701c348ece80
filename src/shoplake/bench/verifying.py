"""Measure `verify` of full stores, and compare it with one read of the same rows by DuckDB."""

from __future__ import annotations

import asyncio
import resource
import tempfile
from pathlib import Path

import duckdb
import msgspec

from shoplake import contract_log, malloc_tuning, sinks
from shoplake.bench.footprint import Footprint
from shoplake.bench.results import Measure
from shoplake.bench.stopwatch import Stopwatch
from shoplake.contract import DEAD_LETTERS, TOPICS
from shoplake.environments import connect
from shoplake.settings import Settings
from shoplake.verify import log_reader, verify
from shoplake.verify.database import count, open_database, run_sql
from shoplake.verify.event_tables import Spill, spill_chunk
from shoplake.verify.stores import store

INDEX = "log_index"


def proven(events: int) -> Measure:
    """Verify the log and all stores."""
    del events  # those of the log
    settings = connect()
    malloc_tuning.return_freed_memory()  # as the command does
    watch = Stopwatch()
    with Footprint() as footprint:
        watch.start()
        report = asyncio.run(verify(settings, ("log", *sinks.SINKS)))
        watch.stop()
    found = {name: sum(getattr(one, name) for one in report.stores) for name in ("lost", "duplicated", "differing")}
    beside = resource.getrusage(resource.RUSAGE_CHILDREN)  # of a long log there is one, and it has ended
    measured = watch.measure(report.stores[0].expected, cpu_of_others_s=beside.ru_utime + beside.ru_stime)
    peaks = measured.peak_rss_bytes + beside.ru_maxrss * 1024
    figures = {"peak_bytes": footprint.peak_bytes, "sum_of_peaks_bytes": peaks}
    return msgspec.structs.replace(measured, peak_rss_bytes=footprint.peak_bytes).with_figures(**found, **figures)


def scanned(events: int) -> Measure:
    """Hash every row of the log's and the stores' tables once in DuckDB, on as many threads as `verify` takes.

    The files and tables are those that `verify` makes of the log and the stores, made before the clock starts.
    """
    del events
    settings = connect()
    with tempfile.TemporaryDirectory(prefix="shoplake-bench-") as folder, open_database(Path(folder)) as database:
        relations = asyncio.run(_loaded(database, settings, Path(folder)))
        watch = Stopwatch()
        watch.start()
        for relation in relations:
            database.execute(f"SELECT bit_xor(hash(r)) FROM {relation} AS r").fetchall()  # noqa: S608 - our own names
        watch.stop()
        return watch.measure(count(database, INDEX))


async def _loaded(database: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[str]:
    """Relations with every row of the log, decoded and not, and of each store."""
    spill = Spill(folder / "spill")
    spill.create_views(database)
    run_sql(database, "common")
    known = await contract_log.read(settings.kafka)
    async for chunk in log_reader.read(settings.kafka, [*TOPICS, DEAD_LETTERS]):
        spill_chunk(spill, chunk, known)
    relations = [INDEX, *(f"valid_{topic}" for topic in TOPICS)]
    for name in sinks.SINKS:
        module = store(name)
        module.fold(database)
        module.load(database, settings, folder)
        relations += [comparison.found for comparison in module.COMPARISONS]
    return relations
