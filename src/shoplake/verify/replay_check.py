"""Check that each replayed dead letter is in the log exactly once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from shoplake.verify.report import MAX_FINDINGS, Finding, StoreResult

REPLAYS = """
WITH replays AS (
    SELECT replay_of AS letter, count(*) AS n, min(topic || '-' || kafka_partition || '-' || kafka_offset) AS first
    FROM log_index WHERE replay_of IS NOT NULL GROUP BY replay_of
)
SELECT coalesce(r.letter, o.letter), coalesce(r.n, 0), o.letter IS NOT NULL, r.first
FROM replays AS r FULL JOIN (FROM outcomes WHERE state = 'replayed') AS o USING (letter)
"""


def note_outcomes(cursor: duckdb.DuckDBPyConnection, outcomes: Sequence[Mapping[str, Any]]) -> None:
    """Fill the table `outcomes` with the outcomes of the dead letters."""
    if outcomes:
        rows = [(str(outcome.get("letter")), str(outcome.get("state"))) for outcome in outcomes]
        cursor.executemany("INSERT INTO outcomes VALUES (?, ?)", rows)


def check_replays(cursor: duckdb.DuckDBPyConnection) -> StoreResult:
    """Compare the replayed events in the log with the dead letters marked as replayed."""
    rows = cursor.execute(f"{REPLAYS} ORDER BY 1").fetchall()
    findings = []
    for letter, found, expected, where in rows:
        if expected and not found:
            findings.append(Finding("lost", "replays", letter, detail="marked as replayed"))
        elif found > expected:
            why = f"{found - expected} too many" if expected else "not marked as replayed"
            findings.append(Finding("duplicated", "replays", letter, detail=f"{why}, first at {where}"))
    return StoreResult(
        name="log",
        expected=sum(expected for _, _, expected, _ in rows),
        found=sum(found for _, found, _, _ in rows),
        lost=sum(bool(expected and not found) for _, found, expected, _ in rows),
        duplicated=sum(max(0, found - expected) for _, found, expected, _ in rows),
        differing=0,
        findings=tuple(findings[:MAX_FINDINGS]),
    )
