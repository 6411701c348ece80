"""The step that several workflows share: build the warehouse, and note each table that it has."""

from __future__ import annotations

from shoplake.orchestration.workflow import Context, Result
from shoplake.warehouse import status
from shoplake.warehouse.build import build as build_warehouse


def build(context: Context, *, full_refresh: bool = False) -> Result:
    """Bring silver and gold to the newest events of the lake.

    Raises:
        WarehouseError: it cannot be built, or another process builds it.
    """
    settings = context.settings("lake")
    done = build_warehouse(settings, context.environment, context.say, full_refresh=full_refresh)
    for table in status.read(context.environment).tables:
        context.changed(f"{table.schema}.{table.name}", rows=table.rows, build=table.build)
    return {"build": done.build, "new_events": done.new_events}
