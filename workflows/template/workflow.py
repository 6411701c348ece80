"""Counts orders. Replace the steps with your own: each is a function that returns values for the steps after it."""

from __future__ import annotations

from shoplake.orchestration.workflow import Context, Result, step


@step()
def count(context: Context) -> Result:
    """Count the orders per status in Postgres."""
    from shoplake.query import postgres
    from shoplake.query.result import Limits

    days = int(context.parameters["days"])
    statement = (
        "select status, count(*) from orders"
        f" where placed_at > (select max(placed_at) from orders) - {days} * interval '1 day' group by status"
    )
    found = postgres.run(context.settings("postgres"), statement, Limits(rows=100, timeout_s=60))
    return {"orders": {str(status): int(number) for status, number in found.rows}}


@step(after=count)
def report(context: Context) -> Result:
    """Report the sum."""
    orders = context.results["count"]["orders"]
    context.say(f"{sum(orders.values()):,} orders in {len(orders)} states")
    return {"sum": sum(orders.values())}
