"""One build of the warehouse: pin the lake, copy its new events, run the models, publish gold.

Killed anywhere, the next build makes the same tables: each model commits its rows with the number of its build, and
reads the changes of all builds after that.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from shoplake import run_log
from shoplake.errors import WarehouseError
from shoplake.warehouse import bronze, dbt_project, publish, state
from shoplake.warehouse.bronze import Source
from shoplake.warehouse.state import Build

if TYPE_CHECKING:
    from shoplake.positions import Positions
    from shoplake.settings import Settings


# A commit that could not be written is a TransactionException, and makes each later call a FatalException.
DISK_ERRORS = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, duckdb.FatalException)


@dataclass(frozen=True, slots=True)
class Built:
    """The result of a build.

    Attributes:
        build: its number; that of the last build if there was nothing to do.
        positions: up to where the tables have read the log.
        new_events: events that the lake held beyond the last build.
        seconds: how long it took.
        ran: False if everything was up to date.
    """

    build: int
    positions: Positions
    new_events: int
    seconds: float
    ran: bool


def build(
    settings: Settings,
    environment: str,
    progress: Callable[[str], None],
    *,
    select: Sequence[str] = (),
    full_refresh: bool = False,
) -> Built:
    """Bring the warehouse to the newest snapshots of the lake.

    Args:
        settings: of the environment.
        environment: its name.
        progress: called with one short sentence per step.
        select: dbt's selectors; then gold is not published, because its tables would speak of different positions.
        full_refresh: read the whole lake and build everything.

    Raises:
        MissingExtra: dbt is not installed.
        WarehouseError: a model fails, another process builds, the lake is older than what was built from it, or the
            disk is full.
        StoreUnavailable: the catalogue or S3 does not answer.
    """
    dbt_project.require_dbt()
    with run_log.recording("warehouse", environment=environment) as results:
        built = _build(settings, environment, progress, select, full_refresh)
        results["warehouse"].counts = {"events": built.new_events}
        results["warehouse"].positions = built.positions.as_json()
    return built


def _build(
    settings: Settings,
    environment: str,
    progress: Callable[[str], None],
    select: Sequence[str],
    full_refresh: bool,
) -> Built:
    start = time.monotonic()
    with _writing(environment), state.locked(environment):
        sources = bronze.pin(settings)
        with state.opened(environment) as connection:
            last = state.last_build(connection)
            planned = _plan(last, sources)
            if full_refresh or _other_source(last, planned):
                state.forget_models(connection)
            elif not select and last and last.finished_at and _same(last, planned):
                return Built(last.number, last.positions, 0, time.monotonic() - start, ran=False)
            new = sum(_copy(connection, settings, source, progress) for source in sources)
            state.begin(connection, planned)
        dbt_project.run(environment, select, progress)
        if not select:
            with state.opened(environment) as connection:
                publish.publish(connection, settings, planned, progress)
                state.finish(connection, planned)
    return Built(planned.number, planned.positions, new, time.monotonic() - start, ran=True)


@contextlib.contextmanager
def _writing(environment: str) -> Iterator[None]:
    try:
        yield
    except (OSError, *DISK_ERRORS) as error:
        raise WarehouseError(
            f"the build could not continue: {str(error).splitlines()[0]}",
            fix=f"if the disk is full, free space for {state.folder(environment)}; then run the same command again:"
            " what was built stays",
        ) from error


def _plan(last: Build | None, sources: list[Source]) -> Build:
    return Build(
        number=last.number + 1 if last else 1,
        positions=bronze.positions(sources),
        topics=json.dumps({source.topic: source.identity for source in sources}, sort_keys=True),
        project=dbt_project.checksum(),
        started_at=state.now(),
    )


def _other_source(last: Build | None, planned: Build) -> bool:
    """Whether everything has to be read again: the log is another one, or the project has changed.

    A changed staging model needs all events, and a changed macro may change every model.
    """
    return last is not None and (last.topics != planned.topics or last.project != planned.project)


def _same(last: Build, planned: Build) -> bool:
    return last.positions.next_offsets == planned.positions.next_offsets


def _copy(
    connection: duckdb.DuckDBPyConnection, settings: Settings, source: Source, progress: Callable[[str], None]
) -> int:
    read = state.positions_read(connection, source.topic)
    ahead = {p: offset for p, offset in read.items() if offset > source.next_offsets.get(p, 0)}
    if ahead:
        partition, offset = next(iter(ahead.items()))
        raise WarehouseError(
            f"the lake is older than the warehouse: {source.topic}-{partition} was read up to offset {offset}, the lake"
            f" ends at {source.next_offsets.get(partition, 0)}",
            fix="let the lake catch up (`shoplake stream --until-caught-up`), or build all again with --full-refresh",
        )
    events = bronze.copy_new_events(connection, settings, source, read)
    progress(f"{source.topic}: {events:,} new events")
    return events
