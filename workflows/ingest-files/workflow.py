"""Lands the files of a folder in a table of the lake: each once, by the hash of its content."""

from __future__ import annotations

from pathlib import Path

from shoplake.orchestration.workflow import Context, Result, step


@step()
def ingest(context: Context) -> Result:
    """Write each file in one commit; a file that has changed replaces its rows."""
    from shoplake.orchestration.shared_steps import files

    folder, table = Path(str(context.parameters["folder"])).expanduser(), str(context.parameters["table"])
    done = files.ingest(context, folder.resolve(), table)
    return {"table": done.table, "new": dict(done.new), "rows": dict(done.rows), "rejected": dict(done.rejected)}
