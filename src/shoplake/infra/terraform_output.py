"""Convert Terraform's JSON lines to short progress lines and a summary. Pure."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Report = Callable[[str], None]

VERBS = {"create": "+", "update": "~", "delete": "-", "read": "<", "replace": "±"}
CHANGING = frozenset({"create", "update", "delete", "replace"})
ANNOUNCE_EVERY_S = 20


@dataclass(frozen=True, slots=True)
class Change:
    """A planned change of one resource: `action` is create, update, delete or replace."""

    action: str
    address: str

    def __str__(self) -> str:
        return f"{VERBS.get(self.action, self.action)} {self.address}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or a warning as Terraform words it."""

    severity: str
    summary: str
    detail: str
    address: str
    where: str

    def __str__(self) -> str:
        place = " ".join(part for part in (self.address, f"({self.where})" if self.where else "") if part)
        lines = [f"{self.severity}: {self.summary}", f"  with {place}" if place else "", self.detail.strip()]
        return "\n".join(line for line in lines if line)


@dataclass(slots=True)
class Transcript:
    """The output of a run so far. Call `feed` with each line; `report` receives the progress lines."""

    report: Report
    changes: list[Change] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    completed: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    planned: bool = False
    applying: bool = False
    raw: deque[str] = field(default_factory=lambda: deque(maxlen=50))

    def feed(self, line: str) -> None:
        """Process one line. Lines that are not JSON are kept for the error message."""
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            if line.strip():
                self.raw.append(line.rstrip())
            return
        handler = HANDLERS.get(event.get("type", ""))
        if handler:
            handler(self, event)

    def errors(self) -> list[Diagnostic]:
        """The diagnostics that made the run fail."""
        return [diagnostic for diagnostic in self.diagnostics if diagnostic.severity == "error"]

    def outstanding(self) -> set[str]:
        """Return planned addresses that are not completed."""
        return {change.address for change in self.changes} - self.completed


def _planned_change(transcript: Transcript, event: dict[str, Any]) -> None:
    change = _change(event)
    if change.action in CHANGING:  # a read, or an import of what is as it should be, changes nothing
        transcript.changes.append(change)


def _change(event: dict[str, Any]) -> Change:
    change = event["change"]
    return Change(action=change["action"], address=change["resource"]["addr"])


def _summary(transcript: Transcript, event: dict[str, Any]) -> None:
    counts = event["changes"]
    transcript.counts = {key: counts.get(key, 0) for key in ("add", "change", "remove")}
    if counts["operation"] == "plan":
        transcript.planned = True
        transcript.report(_plan_line(transcript.counts))


def _plan_line(counts: dict[str, int]) -> str:
    if not any(counts.values()):
        return "nothing to change"
    return f"{counts['add']} to add, {counts['change']} to change, {counts['remove']} to destroy"


def _started(transcript: Transcript, event: dict[str, Any]) -> None:
    """The first change after the plan: Terraform also prints a plan that failed, as far as it got, before the error."""
    if transcript.planned and event["hook"]["action"] != "read":
        transcript.applying = True


def _completed(transcript: Transcript, event: dict[str, Any]) -> None:
    hook = event["hook"]
    transcript.completed.add(hook["resource"]["addr"])
    if hook["action"] != "read":
        verb = VERBS.get(hook["action"], hook["action"])
        transcript.report(f"{verb} {hook['resource']['addr']}  {hook.get('elapsed_seconds', 0):.0f} s")


def _in_progress(transcript: Transcript, event: dict[str, Any]) -> None:
    hook = event["hook"]
    elapsed_s = int(hook.get("elapsed_seconds", 0))
    if elapsed_s and elapsed_s % ANNOUNCE_EVERY_S == 0:
        transcript.report(f"… {hook['resource']['addr']}  still running after {elapsed_s} s")


def _failed(transcript: Transcript, event: dict[str, Any]) -> None:
    transcript.report(f"! {event['hook']['resource']['addr']}  failed")


def _diagnostic(transcript: Transcript, event: dict[str, Any]) -> None:
    told = event["diagnostic"]
    span = told.get("range") or {}
    diagnostic = Diagnostic(
        severity=told["severity"],
        summary=told["summary"],
        detail=told.get("detail", ""),
        address=told.get("address", ""),
        where=f"{span['filename']}:{span['start']['line']}" if span.get("filename") else "",
    )
    transcript.diagnostics.append(diagnostic)
    if diagnostic.severity != "error":
        transcript.report(str(diagnostic))


def _outputs(transcript: Transcript, event: dict[str, Any]) -> None:
    found = {name: output["value"] for name, output in event["outputs"].items() if "value" in output}
    transcript.outputs.update(found)


HANDLERS: dict[str, Callable[[Transcript, dict[str, Any]], None]] = {
    "planned_change": _planned_change,
    "change_summary": _summary,
    "apply_start": _started,
    "apply_complete": _completed,
    "apply_progress": _in_progress,
    "apply_errored": _failed,
    "diagnostic": _diagnostic,
    "outputs": _outputs,
}
