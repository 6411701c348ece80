"""dbt's own tests of silver and gold: dbt runs them, and what it wrote about its last run becomes results."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoplake.errors import WarehouseError
from shoplake.quality.results import Outcome, Result
from shoplake.warehouse import dbt_project, state

if TYPE_CHECKING:
    from shoplake.quality.facts import Facts

COMMANDS = ("test", "build")
_OUTCOMES: Mapping[str, Outcome] = {"pass": "passed", "warn": "warned", "fail": "failed", "error": "failed"}


def run(environment: str, progress: Callable[[str], None]) -> None:
    """Let dbt run its tests. A test that fails is in the results.

    Raises:
        MissingExtra: dbt is not installed.
        WarehouseError: a build is running, or dbt could not run the project.
    """
    file = _target(environment) / "run_results.json"
    before = file.stat().st_mtime_ns if file.exists() else 0
    with state.locked(environment):
        try:
            dbt_project.run_tests(environment, (), progress)
        except WarehouseError:
            if not file.exists() or file.stat().st_mtime_ns == before:
                raise  # dbt did not get as far as the tests


def results(environment: str, facts: Facts) -> list[Result]:
    """The results of the last run of the tests, if it was on the build that is there now; else none.

    Unit tests of models are left out: they test SQL on rows of their own, not a dataset.

    Raises:
        WarehouseError: a build is running, or no build has ended.
    """
    folder = _target(environment)
    if not (folder / "run_results.json").exists() or not (folder / "manifest.json").exists():
        return []
    with state.opened(environment) as connection:
        last = state.last_build(connection, finished=True)
    found = json.loads((folder / "run_results.json").read_bytes())
    tested_at = datetime.fromisoformat(found["metadata"]["invocation_started_at"].replace("Z", "+00:00"))
    tested_at = tested_at.astimezone(UTC).replace(tzinfo=None)
    if found["args"].get("which") not in COMMANDS or last is None or not last.finished_at:
        return []
    if tested_at < last.finished_at:
        return []  # of an earlier build
    nodes = json.loads((folder / "manifest.json").read_bytes())["nodes"]
    return list(_results(found["results"], nodes, facts, last))


def _results(
    found: list[Mapping[str, Any]], nodes: Mapping[str, Mapping[str, Any]], facts: Facts, build: state.Build
) -> Iterator[Result]:
    for one in found:
        node = nodes.get(one["unique_id"])
        if node is None or node["resource_type"] != "test":
            continue
        model = nodes.get(node.get("attached_node") or next(iter(node["depends_on"]["nodes"]), ""))
        if model is None:
            continue
        dataset = f"{model['schema']}.{model['name']}"
        failures = one.get("failures")
        yield Result(
            dataset,
            node["name"],
            "dbt_test",
            "warn" if str(node["config"].get("severity", "")).lower() == "warn" else "error",
            facts.owner(dataset),
            "dbt",
            f"`shoplake warehouse test --select {model['name']}` runs it again; its SQL is in target/compiled",
            _OUTCOMES.get(one["status"], "unknown"),
            None if failures is None else float(failures),
            failing=failures,
            detail=f"{failures:,} rows fail" if failures else str(one["status"]),
            positions=build.positions,
            snapshot=f"build {build.number}",
        )


def _target(environment: str) -> Path:
    return state.folder(environment) / "target"
