"""Check 0: the log against what each publisher says it published, simulated again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import polars as pl

import shopsim
from shoplake.contract import TOPICS
from shoplake.errors import VerifyFailed
from shoplake.verify.database import run_sql
from shoplake.verify.events import Spill, indexed
from shoplake.verify.report import MAX_FINDINGS, Finding, StoreResult

# Two sums of 64-bit hashes stand for the whole multiset: equal sums, equal contents.
SUMS = "SELECT topic, count(*), sum(same_1::HUGEINT), sum(same_2::HUGEINT) FROM {} GROUP BY topic ORDER BY topic"


def spill_simulation(spill: Spill, progress: Sequence[Mapping[str, Any]]) -> int:
    """Simulate again what every publisher published; returns the number of events.

    Raises:
        VerifyFailed: another version of the simulator published, so its events cannot be made again.
    """
    events = 0
    for published in progress:
        for window in _windows(published):
            spill.write("simulated_index", indexed(window))
            events += window.height
    return events


def check_log(cursor: duckdb.DuckDBPyConnection) -> StoreResult:
    """Compare `published_index` with `simulated_index`, as multisets of contents."""
    in_log = cursor.execute(SUMS.format("published_index")).fetchall()
    found = sum(row[1] for row in in_log)
    if in_log == cursor.execute(SUMS.format("simulated_index")).fetchall():
        return StoreResult("log", expected=found, found=found, lost=0, duplicated=0, differing=0)
    run_sql(cursor, "log")
    lost, duplicated, differing = cursor.execute(
        "SELECT coalesce(sum(lost), 0)::BIGINT, coalesce(sum(duplicated), 0)::BIGINT,"
        " coalesce(sum(differing), 0)::BIGINT FROM log_findings"
    ).fetchall()[0]
    return StoreResult(
        name="log",
        expected=found + lost - duplicated,
        found=found,
        lost=lost,
        duplicated=duplicated,
        differing=differing,
        findings=_findings(cursor),
    )


def _windows(published: Mapping[str, Any]) -> Iterator[pl.DataFrame]:
    if published["version"] != shopsim.VERSION:
        raise VerifyFailed(
            f"publisher '{published['publisher']}' used version {published['version']} of the simulator, and this is"
            f" version {shopsim.VERSION}: its events cannot be made again",
            fix=f"verify with the release that has version {published['version']}, or start from an empty log"
            " (`shoplake down --purge`, `shoplake up`)",
        )
    if published["events"]:
        scenario = shopsim.scenario_from_dict(published["scenario"])
        # One processor reads the log meanwhile. Below a million events, processes cost more to start than they save.
        workers = 1 if published["events"] < 1_000_000 else max(1, (os.cpu_count() or 1) - 1)
        windows = shopsim.stream(
            scenario,
            published["seed"],
            limit=published["events"],
            topics=published.get("topics", tuple(TOPICS)),
            workers=workers,
        )
        for window in windows:
            yield window.rows


def _findings(cursor: duckdb.DuckDBPyConnection) -> tuple[Finding, ...]:
    rows = cursor.execute(
        "SELECT topic, event, coordinates, lost, duplicated, differing FROM log_findings"
        " WHERE lost + duplicated + differing > 0 ORDER BY topic, event LIMIT ?",
        [MAX_FINDINGS],
    ).fetchall()
    findings = []
    for topic, event, coordinates, lost, duplicated, differing in rows:
        where = f"at {coordinates}" if coordinates else ""
        if lost:
            findings.append(Finding("lost", topic, event, detail=f"{lost} of them" if lost > 1 else ""))
        if duplicated:
            findings.append(Finding("duplicated", topic, event, detail=f"{duplicated} too many, {where}"))
        if differing:
            findings.append(Finding("differing", topic, event, detail=f"not as it was simulated, {where}"))
    return tuple(findings[:MAX_FINDINGS])
