"""Reads each store into the database of a run: one module per store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import duckdb

    from shoplake.quality.workspace import Loaded
    from shoplake.settings import Settings

Read: TypeAlias = "Callable[[duckdb.DuckDBPyConnection, Settings, str, Path], Loaded]"


@dataclass(frozen=True, slots=True)
class Reader:
    """How a system is read.

    Attributes:
        module: in this package; its function `read_<system>` makes the tables of the schema.
        uses: the stores that have to answer, as `environments.connect` names them.
    """

    module: str
    system: str
    uses: tuple[str, ...]

    def read(self, connection: duckdb.DuckDBPyConnection, settings: Settings, environment: str, folder: Path) -> Loaded:
        """Make a table or view in the schema of the system for each of its datasets.

        Raises:
            ShoplakeError: the store cannot be read.
        """
        function: Read = getattr(import_module(f"shoplake.quality.stores.{self.module}"), f"read_{self.system}")
        return function(connection, settings, environment, folder)


READERS = {
    one.system: one
    for one in (
        Reader("log", "kafka", ("log",)),
        Reader("iceberg", "lake", ("lake",)),
        Reader("iceberg", "gold", ("lake",)),
        Reader("silver", "silver", ()),
        Reader("postgres", "postgres", ("postgres",)),
        Reader("documents", "mongodb", ("mongo",)),
        Reader("documents", "dynamodb", ("dynamodb",)),
        Reader("documents", "redis", ("redis",)),
    )
}
