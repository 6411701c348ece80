"""Maintains the Iceberg tables of the lake, as `shoplake lake maintain` does."""

from __future__ import annotations

import asyncio

from shoplake.orchestration.workflow import Context, Result, step


@step()
def maintain(context: Context) -> Result:
    """Compact, expire and delete orphans, table by table."""
    from shoplake.contract import TOPICS
    from shoplake.sinks.lake import maintenance

    dry_run = bool(context.parameters["dry_run"])
    bounds = maintenance.bounds_of(
        target_mb=64,
        min_files=5,
        keep=str(context.parameters["keep"]),
        orphan_age=str(context.parameters["orphan_age"]),
    )
    done = asyncio.run(
        maintenance.maintain(
            context.settings("lake"),
            bounds,
            topics=tuple(TOPICS),
            steps=maintenance.STEPS,
            dry_run=dry_run,
            watch=context.say,
        )
    )
    for one in done:
        if not dry_run and one.files_after != one.files_before:
            context.changed(f"lake.{one.table}", files=one.files_after, bytes=one.bytes_after)
    return {
        "compacted_files": sum(one.compacted for one in done),
        "expired_snapshots": sum(one.expired for one in done),
        "orphans": sum(one.orphans for one in done),
    }
