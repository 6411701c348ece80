"""Counts open dead letters, as `shoplake dlq list` does."""

from __future__ import annotations

import asyncio

from shoplake.errors import WorkflowFailed
from shoplake.orchestration.workflow import Context, Result, step


@step()
def count(context: Context) -> Result:
    """Count them by topic and reason."""
    from shoplake.streaming.dead_letters import store

    cluster = context.settings("log").kafka
    wanted = store.filter_of(names=(), reasons=(), topics=(), since="", until="", states=["open"])

    async def look() -> store.Found:
        return await store.find(cluster, wanted, await store.read_outcomes(cluster), limit=0)

    found = asyncio.run(look())
    counts = {f"{topic}: {reason}": number for (topic, reason, _), number in sorted(found.counts.items())}
    context.observed("kafka.dead-letters", open=found.total, **counts)
    return {"open": found.total, "counts": counts}


@step(after=count)
def judge(context: Context) -> Result:
    """Fail if there are too many, so that the owner is told."""
    found, limit = context.results["count"]["open"], int(context.parameters["limit"])
    if found > limit:
        raise WorkflowFailed(
            f"there are {found:,} open dead letters, more than {limit:,}",
            fix="`shoplake dlq list` shows them; repair the producer, then `shoplake dlq replay`",
        )
    return {}
