"""Runs the dbt project on the warehouse's DuckDB file, in this process."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shoplake import paths, private_files
from shoplake.errors import MissingExtra, WarehouseError
from shoplake.warehouse import state

PROFILE = {
    "shoplake": {
        "target": "duckdb",
        "outputs": {"duckdb": {"type": "duckdb", "path": "", "schema": "main", "threads": 1}},
    }
}
Progress = Callable[[str], None]


def project_folder() -> Path:
    """The folder with `dbt_project.yml`."""
    return paths.project_root() / "warehouse"


def checksum() -> str:
    """Identify the content of the project's files."""
    found = hashlib.sha256()
    for path in sorted(project_folder().rglob("*")):
        if path.is_file() and path.suffix in {".sql", ".yml", ".csv"}:
            found.update(str(path.relative_to(project_folder())).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def has_dbt() -> bool:
    """Whether the extra is installed."""
    return importlib.util.find_spec("dbt") is not None and importlib.util.find_spec("dbt.adapters.duckdb") is not None


def require_dbt() -> None:
    """Check that dbt is installed.

    Raises:
        MissingExtra: it is not.
    """
    if not has_dbt():
        raise MissingExtra(
            "the warehouse needs dbt, which is not installed",
            fix="in a checkout, start with ./shoplake; else `pip install 'shoplake[warehouse]'`",
        )


def run(environment: str, build: int, select: Sequence[str], progress: Progress) -> None:
    """Build the models.

    Args:
        environment: whose DuckDB file.
        build: the number of the build.
        select: dbt's selectors; all models if empty.
        progress: called with one short sentence per model.

    Raises:
        MissingExtra: dbt is not installed.
        WarehouseError: a model does not compile or run. Models that were built before it stay.
        Interrupted: Ctrl-C.
    """
    require_dbt()
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    options = [f"--select={' '.join(select)}"] if select else []
    arguments = [
        *("--no-use-colors", "--log-level", "none", "--log-format-file", "text", "--log-level-file", "info"),
        "run",
        *options,
        *("--vars", json.dumps({"build": build})),
        *("--project-dir", str(project_folder()), "--profiles-dir", str(_profiles(environment))),
        *("--target-path", str(state.folder(environment) / "target")),
        *("--log-path", str(state.folder(environment) / "logs")),
    ]
    try:
        result = dbtRunner(callbacks=[_reporting(progress)]).invoke(arguments)
    finally:
        DuckDBConnectionManager.close_all_connections()  # dbt keeps the file open for the next call
    if not result.success:
        raise _failure(result, state.folder(environment) / "logs" / "dbt.log")


def _profiles(environment: str) -> Path:
    """Write the profile of the environment; return its folder."""
    folder = private_files.folder(state.folder(environment))
    profile = json.loads(json.dumps(PROFILE))
    profile["shoplake"]["outputs"]["duckdb"] |= {
        "path": str(state.database(environment)),
        "config_options": {"memory_limit": state.MEMORY_LIMIT, "threads": state.THREADS},
        "settings": {"TimeZone": "UTC"},
    }
    private_files.write(folder / "profiles.yml", json.dumps(profile).encode())  # JSON is YAML
    return folder


def _reporting(progress: Progress) -> Callable[[Any], None]:
    def on_event(event: Any) -> None:  # noqa: ANN401 - dbt's events are made at run time
        if event.info.name == "LogModelResult":
            found = event.data
            progress(f"{found.node_info.node_name} ({found.index} of {found.total}, {found.execution_time:.1f} s)")

    return on_event


def _failure(result: Any, log: Path) -> WarehouseError:  # noqa: ANN401 - dbt's result has no common type
    failed = [one for one in getattr(result.result, "results", None) or () if one.status == "error"]
    fix = f"correct it, then run the same command again; built models stay. dbt's log is {log}"
    if failed:
        first = failed[0]
        return WarehouseError(f"model {first.node.name} could not be built: {' '.join(first.message.split())}", fix=fix)
    return WarehouseError(f"dbt could not run the project: {result.exception}", fix=fix)
