"""Lands the exchange rates of a day: once by the content of the document, which replaces an earlier one of the day."""

from __future__ import annotations

import datetime as dt

from shoplake.errors import WorkflowFailed
from shoplake.orchestration.workflow import Context, Result, step

SATURDAY = 5


@step()
def ingest(context: Context) -> Result:
    """Write the rates of the day in one commit."""
    from shoplake.orchestration.shared_steps import documents, http_client

    given = context.parameters
    day, table = str(given["day"]), str(given["table"])
    name = f"{day}.{given['format']}"
    place = str(given["url"]).replace("{day}", day)
    token = http_client.token_of(str(given["token_variable"]))
    done = documents.ingest(context, place, table, name, token)
    if done is not None:
        return {"day": day, "table": done.table, "rows": done.rows[name]}
    if not given["weekends"] and dt.date.fromisoformat(day).weekday() >= SATURDAY:
        return {"day": day, "rows": 0}
    raise WorkflowFailed(f"there are no rates of {day} at {http_client.shown(place)}")
