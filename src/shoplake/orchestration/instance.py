"""Dagster's instance: its settings in the stack's home, its records in the schema `dagster` of Postgres."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from shoplake import paths, postgres_schemas, private_files
from shoplake.environments import LOCAL
from shoplake.errors import MissingExtra, StoreUnavailable
from shoplake.orchestration import logins

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from shoplake.settings import Settings

SCHEMA = "dagster"
URL_VARIABLE = "SHOPLAKE_DAGSTER_POSTGRES_URL"
"""Read by dagster.yaml, so that no password is in that file."""

ENVIRONMENT_VARIABLE = "SHOPLAKE_WORKFLOW_ENVIRONMENT"
"""Environment of runs that the servers start without naming one."""

RUNS_AT_ONCE = 2
TICKS_KEPT_DAYS = 7

CONFIGURATION = f"""\
# Written by shoplake at each start.
storage:
  postgres:
    postgres_url: {{env: {URL_VARIABLE}}}
telemetry:
  enabled: false
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
nux:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
concurrency:
  runs:
    max_concurrent_runs: {RUNS_AT_ONCE}
    tag_concurrency_limits:
      - {{key: shoplake/workflow, value: {{applyLimitPerUniqueValue: true}}, limit: 1}}
      - {{key: shoplake/warehouse, limit: 1}}
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  cancel_timeout_seconds: 180
  poll_interval_seconds: 60
retention:
  schedule: {{purge_after_days: {TICKS_KEPT_DAYS}}}
  sensor: {{purge_after_days: {{skipped: 1, failure: {TICKS_KEPT_DAYS}, success: {TICKS_KEPT_DAYS}}}}}
"""


def folder(environment: str) -> Path:
    """`DAGSTER_HOME` of an environment."""
    return paths.home() / "dagster" / environment


def environment_of_servers() -> str:
    """The environment that this process works on if it belongs to the servers of `workflow up`; else `local`."""
    return os.environ.get(ENVIRONMENT_VARIABLE, LOCAL)


def require_dagster() -> None:
    """Check that the extra is installed.

    Raises:
        MissingExtra: it is not.
    """
    if importlib.util.find_spec("dagster") is None or importlib.util.find_spec("dagster_postgres") is None:
        raise MissingExtra(
            "workflows need Dagster, which is not installed",
            fix="in a checkout, start with ./shoplake; else `pip install 'shoplake[orchestrate,warehouse,catalog]'`",
        )


@contextlib.contextmanager
def opened(settings: Settings, environment: str) -> Iterator[DagsterInstance]:
    """Connect to the records of runs, and make their schema and tables if they are not there.

    Raises:
        MissingExtra: Dagster is not installed.
        StoreUnavailable: Postgres does not answer.
    """
    home = prepared(settings, environment)

    from dagster import DagsterInstance
    from dagster_postgres.utils import DagsterPostgresException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with DagsterInstance.from_config(str(home)) as instance:
            yield instance
    except (SQLAlchemyError, DagsterPostgresException) as error:
        raise StoreUnavailable(
            f"the records of workflows could not be read or written: {str(error).splitlines()[0]}",
            fix="look at `shoplake status`; `shoplake up` starts servers that are down",
        ) from error


def prepared(settings: Settings, environment: str) -> Path:
    """Make the schema and `dagster.yaml`, and set the variables that Dagster reads in this process and below it.

    Returns:
        `DAGSTER_HOME`.

    Raises:
        MissingExtra, StoreUnavailable: as `opened`.
    """
    require_dagster()
    home = private_files.folder(folder(environment))
    with postgres_schemas.opened(settings, SCHEMA, f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"):
        pass  # Dagster makes the tables itself
    if not _written(home / "dagster.yaml"):
        private_files.write(home / "dagster.yaml", CONFIGURATION.encode())
    os.environ["DAGSTER_HOME"] = str(home)
    os.environ[URL_VARIABLE] = url(settings)
    logins.note(settings)
    logins.renew(os.environ[URL_VARIABLE])
    return home


def url(settings: Settings) -> str:
    """Address of the schema for Dagster. It holds a password: never log or store it."""
    # SQLAlchemy 2.1 would take psycopg 3, which cannot send Dagster's NOTIFY.
    address = settings.postgres.conninfo().replace("postgresql://", "postgresql+psycopg2://", 1)
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}options={quote(f'-csearch_path={SCHEMA}')}"


def _written(file: Path) -> bool:
    return file.is_file() and file.read_text(encoding="utf-8") == CONFIGURATION
