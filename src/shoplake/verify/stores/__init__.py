"""One module per store, with the interface `Store`. Client libraries are imported only when needed."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import duckdb

from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.report import Finding


class Store(Protocol):
    """The interface of a store for a verification. Order of calls: fold, load, fold, settle.

    The first fold, of an incomplete log, creates the tables with their columns, so that the store can be read in
    parallel with the log.
    """

    @property
    def COMPARISONS(self) -> tuple[Comparison, ...]:  # noqa: N802 - a constant of each module
        """The tables to compare."""

    def fold(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Create or replace `expected.<store>_<table>` from the events."""

    def load(self, cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
        """Create `found.<store>_<table>` from the content of the store. `folder` is for temporary files.

        Content that cannot be read becomes a finding, not an exception.

        Returns:
            Findings that are not about rows: about the structure of the store, or about unreadable content.

        Raises:
            StoreUnavailable: the store does not answer, or a table is missing.
        """

    def settle(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Adjust the expected tables before the comparison, when both sides are complete."""

    def repair(self, cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
        """After a failed comparison: report unreadable content and remove it from the found tables."""


def store(name: str) -> Store:
    """Return the store module with this name: one of `report.STORES` except `log`."""
    return cast(Store, import_module(f"shoplake.verify.stores.{name}"))
