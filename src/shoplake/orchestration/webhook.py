"""Tells a webhook of each run that failed, once: `SHOPLAKE_WORKFLOW_WEBHOOK` is its address.

A run has a tag after the webhook has accepted it. So a run may be sent twice if the process is killed in between; the
header `Idempotency-Key` has the id of the run. A webhook that does not answer is asked again by the next command, or by
the daemon once a minute, for a day.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shoplake import paths, private_files, process_lock
from shoplake.errors import UsageError, WorkflowRunning
from shoplake.invocation import WORKFLOW_WEBHOOK

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from shoplake.orchestration.runs import Run

TAG = "shoplake/webhook"
"""Tag of a run that was dealt with."""

TIMEOUT_S = 10.0
YOUNGER_THAN = dt.timedelta(days=1)
AT_ONCE = 20
"""Runs sent by one call; more follow with the next."""


def address() -> str:
    """The address of the webhook; empty if none is set.

    Raises:
        UsageError: it is not an address of HTTP.
    """
    url = os.environ.get(WORKFLOW_WEBHOOK, "")
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise UsageError(f"{WORKFLOW_WEBHOOK}: expected an address such as https://hooks.example.com/abc")
    return url


def report(
    records: DagsterInstance, environment: str, described: Callable[[str], Run], say: Callable[[str], None]
) -> list[str]:
    """Send each run that failed in the last day and was not sent yet.

    Args:
        records: of the environment.
        environment: its name.
        described: id of a run -> the run.
        say: told if the webhook does not accept one.

    Returns:
        Ids of the runs that it has accepted now.

    Raises:
        UsageError: the address is not one.
    """
    from dagster import DagsterRunStatus, RunsFilter

    if not (url := address()):
        return []
    failed = RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=dt.datetime.now(dt.UTC) - YOUNGER_THAN)
    sent: list[str] = []
    folder = private_files.folder(paths.home() / "dagster" / environment / "locks")
    try:
        with process_lock.held(folder / ".webhook", WorkflowRunning):
            open_ones = [run for run in records.get_runs(failed) if TAG not in run.tags]
            for run in sorted(open_ones, key=lambda one: one.run_id)[:AT_ONCE]:
                found = described(run.run_id)
                if found.interrupted:  # by a person
                    records.add_run_tags(run.run_id, {TAG: "not sent"})
                    continue
                _post(url, found)
                records.add_run_tags(run.run_id, {TAG: "sent"})
                sent.append(run.run_id)
    except WorkflowRunning:
        return []  # another process sends them
    except (OSError, http.client.HTTPException) as error:
        say(f"the webhook {urlsplit(url).hostname} did not accept a failed run: {error}; it is asked again later")
    return sent


def _post(url: str, run: Run) -> None:
    body = {
        "text": f"workflow {run.workflow} failed in {run.environment}: {run.error}",  # what Slack and others show
        "event": "workflow.failed",
        "run": run.run,
        "workflow": run.workflow,
        "environment": run.environment,
        "error": run.error,
        "started_at": run.started_at.isoformat(),
        "seconds": run.seconds,
        "resume": f"shoplake workflow run {run.workflow} --resume {run.run}",
    }
    headers = {"Content-Type": "application/json", "Idempotency-Key": run.run}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")  # noqa: S310 - checked
    with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310 - as above
        pass
