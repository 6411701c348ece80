"""What the topic of dead letters holds. It is read with the log, so one SQL file makes both sides."""

from __future__ import annotations

from pathlib import Path

import duckdb

from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import run_sql
from shoplake.verify.report import Finding

COMPARISONS = (Comparison("dead_letters", "letters", ("letter",)),)


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the expected tables."""
    run_sql(cursor, "dead_letters")


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
    """Nothing to load: the topic is part of the log."""
    del cursor, settings, folder
    return []


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Nothing to settle."""
    del cursor


def repair(cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
    """Nothing is read later than by `load`."""
    del cursor, folder
    return []
