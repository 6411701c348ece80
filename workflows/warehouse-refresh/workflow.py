"""Brings silver and gold to the newest events of the lake, as `shoplake warehouse build` does."""

from __future__ import annotations

from shoplake.orchestration.workflow import Context, Result, step


@step()
def build(context: Context) -> Result:
    """Build what the new events change."""
    from shoplake.orchestration.shared_steps import warehouse

    return warehouse.build(context)
