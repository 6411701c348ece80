"""Lands the pages of an HTTP source in a table of the lake. A run that was killed continues after its last page."""

from __future__ import annotations

from shoplake.orchestration.workflow import Context, Result, step


@step()
def ingest(context: Context) -> Result:
    """Write each page and the position after it in one commit."""
    from shoplake.orchestration.shared_steps import http_client, pages

    given = context.parameters
    texts = ("url", "table", "key", "items", "following", "cursor", "watermark", "since")
    source = pages.Source(
        **{name: str(given[name]) for name in texts},
        per_second=float(given["requests_per_second"]),
        token=http_client.token_of(str(given["token_variable"])),
    )
    done = pages.ingest(context, source)
    return {
        "table": done.table,
        "pages": done.pages,
        "received": done.received,
        "rows": done.rows,
        "watermark": done.watermark,
    }
