"""What the warehouse holds: for each table its rows and the build that made them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shoplake.errors import WarehouseError
from shoplake.positions import Positions
from shoplake.warehouse import state


@dataclass(frozen=True, slots=True)
class TableStatus:
    """A table of the DuckDB file.

    Attributes:
        schema: silver or gold.
        name: of the model and the table.
        rows: how many it has.
        build: the build that last ran the model.
        finished_at: when that build ended, or began if it did not end; UTC.
    """

    schema: str
    name: str
    rows: int
    build: int
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """All tables, and up to where the last build that ended has read the log."""

    tables: tuple[TableStatus, ...]
    positions: Positions

    def as_json(self) -> dict[str, Any]:
        """`positions`, and for each table its fields."""
        return {
            "positions": json.loads(self.positions.as_json()),
            "tables": [
                {
                    "schema": one.schema,
                    "table": one.name,
                    "rows": one.rows,
                    "build": one.build,
                    "built_at": one.finished_at.isoformat() + "Z",
                }
                for one in self.tables
            ],
        }


def read(environment: str) -> Status:
    """Read the DuckDB file.

    Raises:
        WarehouseError: there is no file, no build has ended, or a build has opened the file.
    """
    if not state.database(environment).exists():
        raise _nothing_built(environment)
    with state.opened(environment) as connection:
        last = state.last_build(connection, finished=True)
        if last is None:
            raise _nothing_built(environment)
        found = connection.execute(
            "SELECT table_schema, model, build, coalesce(finished_at, started_at)"
            " FROM build.models JOIN build.builds USING (build)"
            " JOIN information_schema.tables ON table_name = model AND table_schema IN ('silver', 'gold')"
            " ORDER BY table_schema, model"
        ).fetchall()
        tables = tuple(
            TableStatus(schema, name, _rows(connection, schema, name), build, finished_at)
            for schema, name, build, finished_at in found
        )
    return Status(tables, last.positions)


def _rows(connection: Any, schema: str, name: str) -> int:  # noqa: ANN401 - DuckDB's connection
    return int(connection.execute(f'SELECT count(*) FROM {schema}."{name}"').fetchall()[0][0])  # noqa: S608


def _nothing_built(environment: str) -> WarehouseError:
    return WarehouseError(f"no build of the warehouse of {environment} has ended", fix="run `shoplake warehouse build`")
