"""The stores, each a module of the shape `Store`; its client library is imported only where it is used."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import duckdb

from shoplake.settings import Settings
from shoplake.verify.comparison import Comparison
from shoplake.verify.report import Finding


class Store(Protocol):
    """What a verification asks of a store: fold, load, fold, settle.

    The first fold, of whatever there is of the log, gives the tables their columns, so that a store can be read
    while the log is still being read.
    """

    @property
    def COMPARISONS(self) -> tuple[Comparison, ...]:  # noqa: N802 - a constant of each module
        """The tables."""

    def fold(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make `expected.<store>_<table>` from the events, over whatever was there."""

    def load(self, cursor: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> list[Finding]:
        """Make `found.<store>_<table>` from what the store holds; `folder` is for files.

        Whatever a store holds can be read or is a finding that names it.

        Returns:
            What is wrong beside the rows: with the structure of the store, or because it cannot be read.

        Raises:
            StoreUnavailable: the store does not answer, or lacks a table.
        """

    def settle(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Last changes before the tables are compared, with both sides there."""

    def repair(self, cursor: duckdb.DuckDBPyConnection, folder: Path) -> list[Finding]:
        """Where a comparison failed: name what of the found tables cannot be read, and take it out of them."""


def store(name: str) -> Store:
    """The store of that name, one of `report.STORES` but `log`."""
    return cast(Store, import_module(f"shoplake.verify.stores.{name}"))
