"""Builds the warehouse, checks its tables, proves them against the log, and reports the figures of the last day."""

from __future__ import annotations

import asyncio

from shoplake.errors import VerifyFailed
from shoplake.orchestration.workflow import Context, Result, step


@step()
def build(context: Context) -> Result:
    """Bring silver and gold to the newest events of the lake."""
    from shoplake.orchestration.shared_steps import warehouse

    return warehouse.build(context, full_refresh=bool(context.parameters["full_refresh"]))


@step(after=build)
def check(context: Context) -> Result:
    """Run the tests of the models and the checks of all datasets, and compare their ages with the objectives."""
    from shoplake.orchestration.shared_steps.quality import notes
    from shoplake.quality import dbt_tests, summary
    from shoplake.quality.results import raise_if_not_passed

    dbt_tests.run(context.environment, context.say)
    found = summary(context.settings(), context.environment, context.say)
    context.checks += notes(found.report.results)
    context.say(str(found))
    if found.report.counts["failed"]:  # what has no events yet has no age, which is no reason to stop
        raise_if_not_passed(found.report)
    return {"datasets": found.report.datasets, **found.report.counts}


@step(after=build)
def verify(context: Context) -> Result:
    """Compare each gold table with an independent fold of the log."""
    from shoplake.verify import verify as verify_stores

    if not context.parameters["verify"]:
        return {"skipped": True}
    settings = context.settings("log", "lake")
    report = asyncio.run(verify_stores(settings, ["warehouse"], context.say))
    (store,) = report.stores
    for finding in store.findings[:20]:
        context.say(str(finding))
    if not report.ok:
        raise VerifyFailed(
            f"gold differs from the log in {store.wrong:,} rows",
            fix="if the sinks were behind, run `shoplake stream --until-caught-up`; then resume the run",
        )
    return {"rows": store.found, "wrong": store.wrong}


@step(after=(check, verify))
def report(context: Context) -> Result:
    """Read the figures of the last day that has orders."""
    from shoplake.query import duckdb_session
    from shoplake.query.result import Limits

    statement = (
        "select revenue_on::varchar as revenue_on, currency, captured_cents from revenue_daily"
        " where revenue_on = (select max(revenue_on) from revenue_daily) order by currency"
    )
    with duckdb_session.opened(context.settings("lake"), Limits(100, 60)) as session:
        session.attach_gold()
        session.prefer(duckdb_session.GOLD)
        found = session.run(statement)
    rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    for row in rows:
        context.say(", ".join(f"{name} {value}" for name, value in row.items()))
    return {"revenue": rows, "checks_passed": context.results["check"]["passed"]}
