"""The dead-letter topic. It is read with the log, so one SQL file creates both sides."""

from __future__ import annotations

from pathlib import Path

import duckdb

from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import run_sql
from shoplake.verify.report import Finding

COMPARISONS = (Comparison("dead_letters", "letters", ("letter",)),)


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create the expected tables."""
    run_sql(cursor, "dead_letters")


def load(cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
    """Nothing to load: the topic is part of the log."""
    del cursor, settings, folder
    return []


def settle(cursor: duckdb.DuckDBPyConnection) -> None:
    """Do nothing: this store needs no adjustment."""
    del cursor


def repair(cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
    """Do nothing: `load` has read everything."""
    del cursor, folder
    return []
