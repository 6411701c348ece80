"""The DuckDB file of a warehouse: what it records of builds, who may open it, who may read it."""

from __future__ import annotations

import multiprocessing
import stat
from multiprocessing.synchronize import Event

import pytest

from shoplake.errors import WarehouseError
from shoplake.positions import Place, Positions
from shoplake.warehouse import state
from shoplake.warehouse.state import Build


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "home"))


def build(number: int, next_offset: int) -> Build:
    return Build(number, Positions({Place("orders", 0): next_offset}), "{}", "project", state.now())


def test_a_staging_model_has_read_up_to_the_positions_of_its_last_build():
    with state.opened("local") as connection:
        for number, offset in ((1, 100), (2, 250), (3, 300)):
            state.begin(connection, build(number, offset))
        connection.execute("INSERT INTO build.models VALUES ('stg_orders', 2, 1, 'x')")

        assert state.positions_read(connection, "orders") == {0: 250}
        assert state.positions_read(connection, "clicks") == {}


def test_the_last_build_that_ended_may_be_older_than_the_last():
    with state.opened("local") as connection:
        for number in (1, 2):
            state.begin(connection, build(number, number))
        state.finish(connection, build(1, 1))

        last, ended = state.last_build(connection), state.last_build(connection, finished=True)

    assert last is not None
    assert last.number == 2
    assert last.finished_at is None
    assert ended is not None
    assert ended.number == 1
    assert ended.finished_at is not None


def test_the_end_of_a_build_deletes_the_changes_that_all_models_have_read():
    with state.opened("local") as connection:
        state.begin(connection, build(2, 5))
        connection.execute("CREATE TABLE build.fct_orders_changes AS SELECT unnest([1, 2, 3]) AS build")
        state.finish(connection, build(2, 5))

        assert connection.execute("FROM build.fct_orders_changes").fetchall() == [(3,)]


def test_the_file_keeps_its_identity_and_is_its_owners_alone():
    with state.opened("local") as connection:
        first = state.file_id(connection)
    with state.opened("local") as connection:
        assert state.file_id(connection) == first
    assert stat.S_IMODE(state.database("local").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.folder("local").stat().st_mode) == 0o700


def test_a_file_of_something_else_is_refused_by_its_path():
    state.folder("local").mkdir(parents=True)
    state.database("local").write_text("not a database" * 1000)

    with pytest.raises(WarehouseError, match=r"warehouse\.duckdb could not be opened"), state.opened("local"):
        pass


def hold(locked: Event, release: Event) -> None:
    with state.locked("local"):
        locked.set()
        release.wait(30)


def test_a_second_build_names_the_process_that_builds():
    context = multiprocessing.get_context("fork")
    locked, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(locked, release))
    other.start()
    try:
        assert locked.wait(30)
        with pytest.raises(WarehouseError, match=f"process {other.pid} builds"), state.locked("local"):
            pass
    finally:
        release.set()
        other.join(30)
    with state.locked("local"):
        pass  # the lock of a process that has ended is free
