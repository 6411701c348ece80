"""Runs the dbt project on the warehouse's DuckDB file, in this process."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shoplake import paths, private_files
from shoplake.errors import FileInTheWay, MissingExtra, WarehouseError
from shoplake.warehouse import state

NUMBER_OF_NODES = {"LogModelResult": "total", "LogTestResult": "num_models"}
"""Event of dbt for a node that has ended -> its field with the number of all nodes."""
Progress = Callable[[str], None]


def project_folder() -> Path:
    """The folder with `dbt_project.yml`."""
    return paths.project_root() / "warehouse"


def checksum() -> str:
    """Identify the files that decide what the tables hold: models and macros, not descriptions and tests."""
    root = project_folder()
    found = hashlib.sha256()
    for path in sorted([*root.glob("models/**/*.sql"), *root.glob("macros/**/*.sql"), root / "dbt_project.yml"]):
        found.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes() + b"\0")
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


def run(environment: str, select: Sequence[str], progress: Progress) -> None:
    """Build the models, as the newest build that the DuckDB file has recorded.

    Args:
        environment: whose DuckDB file.
        select: dbt's selectors; all models if empty.
        progress: called with one short sentence per model.

    Raises:
        MissingExtra: dbt is not installed.
        WarehouseError: a model does not compile or run. Models that were built before it stay.
        KeyboardInterrupt: Ctrl-C.
    """
    results = _invoke(environment, ["run"], select, progress)
    if results is None:
        return
    failed = [one for one in results if one.status == "error"]
    log = f"correct it, then run the same command again; built models stay. dbt's log is {_log(environment)}"
    raise WarehouseError(f"model {failed[0].node.name} could not be built: {_message(failed[0])}", fix=log)


def run_tests(environment: str, select: Sequence[str], progress: Progress) -> None:
    """Run the tests of the models: on the tables of the DuckDB file, and unit tests on rows of their own.

    Args:
        environment: whose DuckDB file.
        select: dbt's selectors; all tests if empty.
        progress: called with one short sentence per test.

    Raises:
        MissingExtra: dbt is not installed.
        WarehouseError: a test fails. The message names each.
        KeyboardInterrupt: Ctrl-C.
    """
    results = _invoke(environment, ["test"], select, progress)
    if results is None:
        return
    failed = [one for one in results if one.status in ("fail", "error")]
    raise WarehouseError(
        "\n".join(f"test {one.node.name} failed: {_message(one)}" for one in failed),
        fix=f"the SQL of each test is in {state.folder(environment) / 'target' / 'compiled'}",
    )


def write_docs(environment: str, file: Path) -> None:
    """Write dbt's documentation of the project as one HTML page: models, columns, tests, and lineage as a graph.

    Args:
        environment: whose DuckDB file tells the types and the sizes of the tables.
        file: where the page goes; a page that is there is replaced.

    Raises:
        MissingExtra: dbt is not installed.
        FileInTheWay: the file cannot be written.
        WarehouseError: the project does not compile.
        KeyboardInterrupt: Ctrl-C.
    """
    _invoke(environment, ["docs", "generate", "--static"])
    try:
        shutil.copyfile(state.folder(environment) / "target" / "static_index.html", file)
    except OSError as error:
        raise FileInTheWay(f"{file} could not be written: {error.strerror}", fix="choose another file") from error


def _invoke(
    environment: str, command: Sequence[str], select: Sequence[str] = (), progress: Progress | None = None
) -> Sequence[Any] | None:
    """Run a command of dbt. Return its results if one of them is not a success."""
    require_dbt()
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    arguments = [
        *("--no-use-colors", "--log-level", "none", "--log-format-file", "text", "--log-level-file", "info"),
        *command,
        *([f"--select={' '.join(select)}"] if select else []),
        *("--project-dir", str(project_folder()), "--profiles-dir", str(_profiles(environment))),
        *("--target-path", str(state.folder(environment) / "target"), "--log-path", str(_log(environment).parent)),
    ]
    try:
        result = dbtRunner(callbacks=[_reporting(progress)] if progress else []).invoke(arguments)
    finally:
        DuckDBConnectionManager.close_all_connections()  # dbt keeps the file open for the next call
    if result.success:
        return None
    if result.exception is None and hasattr(result.result, "results"):
        results: Sequence[Any] = result.result.results
        return results
    if isinstance(result.exception, KeyboardInterrupt):
        raise KeyboardInterrupt
    raise WarehouseError(
        f"dbt could not run the project: {' '.join(str(result.exception).split())}",
        fix=f"correct it, then run the same command again; built models stay. dbt's log is {_log(environment)}",
    )


def _log(environment: str) -> Path:
    return state.folder(environment) / "logs" / "dbt.log"


def _message(result: Any) -> str:  # noqa: ANN401 - dbt's results have no common type
    return " ".join((result.message or "").split())


def _profiles(environment: str) -> Path:
    """Write the profile of the environment; return its folder."""
    folder = private_files.folder(state.folder(environment))
    output = {
        "type": "duckdb",
        "path": str(state.database(environment)),
        "schema": "main",
        "threads": 1,
        "config_options": {"memory_limit": state.MEMORY_LIMIT, "threads": state.THREADS},
        "settings": {"TimeZone": "UTC"},
    }
    profile = {"shoplake": {"target": "duckdb", "outputs": {"duckdb": output}}}
    private_files.write(folder / "profiles.yml", json.dumps(profile).encode())  # JSON is YAML
    return folder


def _reporting(progress: Progress) -> Callable[[Any], None]:
    def on_event(event: Any) -> None:  # noqa: ANN401 - dbt's events are made at run time
        if event.info.name in NUMBER_OF_NODES:
            found = event.data
            number = getattr(found, NUMBER_OF_NODES[event.info.name])
            progress(f"{found.node_info.node_name} ({found.index} of {number}, {found.execution_time:.1f} s)")

    return on_event
