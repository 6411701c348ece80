"""A source: files become a table of the lake, the table becomes a model, and their rows are counted."""

from __future__ import annotations

from pathlib import Path

from shoplake.errors import WorkflowFailed
from shoplake.orchestration.workflow import Context, Result, step

HERE = Path(__file__).parent
TABLE = HERE.name.replace("-", "_")


@step()
def ingest(context: Context) -> Result:
    """Land each file once, by the hash of its content."""
    from shoplake.orchestration.shared_steps import files

    done = files.ingest(context, HERE / str(context.parameters["folder"]), TABLE)
    return {"new": dict(done.new), "rows": dict(done.rows), "rejected": dict(done.rejected)}


@step(after=ingest)
def model(context: Context) -> Result:
    """Build each model of the folder `models` from the table."""
    from shoplake.orchestration.shared_steps import files

    built = {}
    for file in sorted((HERE / "models").glob("*.sql")):
        _, built[file.stem] = files.model(context.settings("lake"), file)
        context.changed(f"uploads.{file.stem}", rows=built[file.stem])
    return {"rows": built}


@step(after=(ingest, model))
def check(context: Context) -> Result:
    """Fail if a model has no rows."""
    empty = [name for name, rows in context.results["model"]["rows"].items() if rows == 0]
    for name in context.results["model"]["rows"]:
        context.checked(f"uploads.{name}", "has_rows", name not in empty)
    if empty:
        raise WorkflowFailed(f"the model {empty[0]} has no rows")
    return {"files": len(context.results["ingest"]["rows"])}
