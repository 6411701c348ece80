"""Check the log against the simulation, which is repeated from the progress record of each publisher."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import polars as pl

import shopsim
from shoplake.contract import TOPICS
from shoplake.errors import VerifyFailed
from shoplake.verify.database import run_sql
from shoplake.verify.event_tables import Spill, hashes, indexed
from shoplake.verify.report import MAX_FINDINGS, Finding, StoreResult

Sums: TypeAlias = dict[str, tuple[int, ...]]
"""Topic -> number of events and two sums of their 64-bit hashes, a digest of the multiset of contents."""
SUMS = "SELECT topic, count(*), sum(same_1::HUGEINT), sum(same_2::HUGEINT) FROM published_index GROUP BY topic"


def simulated_sums(progress: Sequence[Mapping[str, Any]], folder: Path) -> Sums:
    """Repeat the simulation of every publisher.

    Args:
        progress: the progress record of each publisher.
        folder: of the verification. If it is deleted, the verification was abandoned, and this stops.

    Raises:
        VerifyFailed: another simulator version published, so its events cannot be repeated.
    """
    return sums_of(window for published in progress for window in _windows(published, folder))


def sums_of(frames: Iterable[pl.DataFrame]) -> Sums:
    """Compute the sums of frames with `topic`, `key` and `value` (binary)."""
    sums: Sums = {}
    for frame in frames:
        # As DuckDB's HUGEINT: 64 bits would overflow.
        totals = (content.cast(pl.Int128).sum().alias(name) for name, content in hashes().items())
        by_topic = frame.group_by(pl.col("topic").cast(pl.String)).agg(pl.len(), *totals)
        for topic, *more in by_topic.iter_rows():
            sums[topic] = tuple(map(sum, zip(sums.get(topic, (0,) * len(more)), more, strict=True)))
    return sums


def spill_simulation(spill: Spill, progress: Sequence[Mapping[str, Any]]) -> None:
    """Repeat the simulation and write each event to Parquet.

    Raises:
        OSError: the folder is full.
    """
    for published in progress:
        for window in _windows(published, spill.folder):
            spill.write("simulated_index", indexed(window))


def check_log(cursor: duckdb.DuckDBPyConnection, simulated: Sums, spill: Callable[[], None]) -> StoreResult:
    """Compare `published_index` with the simulation, as multisets of contents.

    Args:
        cursor: of the database.
        simulated: the expected sums.
        spill: creates `simulated_index`. It is called only if the sums differ and rows must be compared.
    """
    in_log = {topic: tuple(sums) for topic, *sums in cursor.execute(SUMS).fetchall()}
    found = sum(events for events, *_ in in_log.values())
    if in_log == simulated:
        return StoreResult("log", expected=found, found=found, lost=0, duplicated=0, differing=0)
    spill()
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


def _windows(published: Mapping[str, Any], folder: Path) -> Iterator[pl.DataFrame]:
    """Yield the publisher's events, as long as the folder exists."""
    if published["version"] != shopsim.VERSION:
        raise VerifyFailed(
            f"publisher '{published['publisher']}' used simulator version {published['version']}, but this is"
            f" version {shopsim.VERSION}: its events cannot be simulated again",
            fix=f"verify with the release that has version {published['version']}, or start from an empty log"
            " (`shoplake down --purge`, `shoplake up`)",
        )
    if published["events"]:
        scenario = shopsim.scenario_from_dict(published["scenario"])
        topics = published.get("topics", tuple(TOPICS))
        # One process simulates twice as fast as the log can be read.
        for window in shopsim.stream(scenario, published["seed"], limit=published["events"], topics=topics):
            if not folder.exists():
                return
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
            findings.append(Finding("lost", topic, event, detail=f"{lost} copies" if lost > 1 else ""))
        if duplicated:
            findings.append(Finding("duplicated", topic, event, detail=f"{duplicated} too many, {where}"))
        if differing:
            findings.append(Finding("differing", topic, event, detail=f"differs from the simulation, {where}"))
    return tuple(findings[:MAX_FINDINGS])
