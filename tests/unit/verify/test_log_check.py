"""The log against its simulation: multisets of contents, told apart by event id."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

import shopsim
from shoplake.contract.history import History
from shoplake.verify import StoreResult
from shoplake.verify.event_tables import Spill, indexed, spill_chunk
from shoplake.verify.simulation_check import check_log, simulated_sums, sums_of

from .conftest import records_of


def event(name: str, content: str = "") -> bytes:
    return f'{{"type":"product_discontinued","event_id":"{name}","x":"{content}"}}'.encode()


def checked(
    database: duckdb.DuckDBPyConnection, folder: Path, *, simulated: list[bytes], log: list[bytes]
) -> StoreResult:
    spill = Spill(folder / "spill")
    spill_chunk(spill, {"products": records_of(log)}, History.of_own())
    columns = {"topic": ["products"] * len(simulated), "key": [b"k"] * len(simulated), "value": simulated}
    rows = pl.DataFrame(columns, schema={"topic": pl.Categorical, "key": pl.Binary, "value": pl.Binary})
    spill.create_views(database)
    # In two parts, as windows come.
    sums = sums_of([rows[:1], rows[1:]])
    return check_log(database, sums, lambda: spill.write("simulated_index", indexed(rows)))


def counts(result: StoreResult) -> tuple[int, int, int, int, int]:
    return result.expected, result.found, result.lost, result.duplicated, result.differing


def test_order_does_not_matter_and_no_row_is_looked_at(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    events = [event("a"), event("b"), event("b")]
    assert counts(checked(database, tmp_path, simulated=events, log=events[::-1])) == (3, 3, 0, 0, 0)
    assert database.execute("SELECT count(*) FROM simulated_index").fetchall() == [(0,)]


def test_an_event_that_was_not_published_is_lost(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    result = checked(database, tmp_path, simulated=[event("a"), event("b"), event("b")], log=[event("b")])
    assert counts(result) == (3, 1, 2, 0, 0)
    assert [str(f) for f in result.findings] == ["lost products a", "lost products b"]


def test_an_event_published_twice_is_duplicated(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    result = checked(database, tmp_path, simulated=[event("a")], log=[event("a"), event("a")])
    assert counts(result) == (1, 2, 0, 1, 0)
    assert [(f.kind, f.key) for f in result.findings] == [("duplicated", "a")]


def test_the_same_id_with_other_content_differs(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    result = checked(database, tmp_path, simulated=[event("a"), event("b")], log=[event("a", "!"), event("b")])
    assert counts(result) == (2, 2, 0, 0, 1)
    assert [str(f) for f in result.findings] == ["differing products a (differs from the simulation, at products-0-0)"]


def test_of_events_that_no_simulation_made_the_log_is_the_truth(
    database: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    foreign = [event("mine"), event("mine"), b"no JSON at all"]
    result = checked(database, tmp_path, simulated=[event("a")], log=[event("a"), *foreign])
    assert counts(result) == (4, 4, 0, 0, 0)


def test_a_lost_event_without_an_id_is_named_by_its_key(database: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    result = checked(database, tmp_path, simulated=[b"{", event("a")], log=[event("a")])
    assert [str(f) for f in result.findings] == ["lost products without an id, key k"]


def test_bytes_that_are_no_text_do_not_hide_the_ids_beside_them() -> None:
    values = [b'{"event_id": "e1"}', b"\xff\xfe", None, b'{"event_id": "e4"}']
    rows = pl.DataFrame({"topic": "orders", "key": [b"k", b"\xff", b"k", None], "value": values})
    found = indexed(rows)
    assert found["event_id"].to_list() == ["e1", None, None, "e4"]
    assert found["key"].to_list() == [None, None, "k", None]


def test_a_simulation_ends_where_the_verification_was_given_up(tmp_path: Path) -> None:
    scenario = shopsim.load_scenario("demo").to_dict()
    published = {"version": shopsim.VERSION, "events": 10**12, "seed": 7, "scenario": scenario}
    assert simulated_sums([published], tmp_path / "gone") == {}
    assert sum(events for events, *_ in simulated_sums([{**published, "events": 1000}], tmp_path).values()) == 1000
