"""The output is a function of scenario, seed and version: of nothing else, and of each of them."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from tests.example_counts import examples

import shopsim
from shopsim.engine.encode import ORDER, encode

scenarios = pytest.mark.parametrize("name", examples(["demo", "dirty-data"], list(shopsim.scenarios())))


def first_windows(scenario: shopsim.Scenario, seed: int, lanes, windows: int = 2) -> pl.DataFrame:
    simulated = itertools.islice(shopsim.simulate(scenario, seed, lanes=lanes), windows)
    return pl.concat([encode(scenario, seed, window) for window in simulated])


@scenarios
def test_lanes_simulated_apart_by_2_3_and_7_workers_give_the_rows_of_one(name):
    """What workers do, without the processes: their start takes longer than the work here."""
    scenario = shopsim.load_scenario(name)
    lanes = range(min(7, scenario.lanes))
    whole = first_windows(scenario, 7, lanes)
    for workers in (2, 3, 7):
        parts = [lanes[number::workers] for number in range(workers)]
        apart = [first_windows(scenario, 7, part) for part in parts if part]
        assert pl.concat(apart).sort(ORDER).equals(whole.sort(ORDER))


@scenarios
def test_a_simulation_that_begins_at_any_window_gives_the_rest(name):
    scenario = shopsim.load_scenario(name)
    for first in (1, 3):
        whole = list(itertools.islice(shopsim.simulate(scenario, 7, lanes=[0]), first, first + 2))
        resumed = list(itertools.islice(shopsim.simulate(scenario, 7, lanes=[0], first=first), 2))
        assert [window.index for window in resumed] == [first, first + 1]
        for expected, found in zip(whole, resumed, strict=True):
            assert (found.start_ms, found.end_ms) == (expected.start_ms, expected.end_ms)
            assert all(found[name].equals(expected[name]) for name in expected.frames)


@pytest.mark.parametrize("other", ["seed", "scenario"])
def test_two_shops_share_no_id(demo, changed, demo_shop, simulated, other):
    rows = simulated(demo, 8, 5_000) if other == "seed" else simulated(changed(description="another"), 7, 5_000)
    texts = rows.filter(pl.col("fault").is_null())["value"].cast(pl.String)
    namespace = texts.str.extract(r'"event_id":"([0-9a-z]{13})-').unique().to_list()
    assert len(namespace) == 1
    ours = demo_shop.execute("SELECT DISTINCT split_part(event_id, '-', 1) FROM page_viewed").fetchall()
    assert (namespace[0],) not in ours
    ids = texts.str.extract_all(r'_id":"[^"]+"').list.explode().str.split('"').list.get(2)
    assert ids.str.contains(namespace[0]).all()


@pytest.mark.parametrize(("window", "skip"), [(0, 1_234), (1, 0), (1, 17)])
def test_a_stream_resumed_gives_the_rest(small, window, skip):
    whole = {w.index: w.rows for w in shopsim.stream(small, 7, limit=12_000)}
    resumed = next(shopsim.stream(small, 7, start=shopsim.Position(window, skip)))
    assert resumed.rows.equals(whole[window].slice(skip))
    assert resumed.next == shopsim.Position(window + 1, 0)


def test_skipping_a_whole_window_goes_on_with_the_next(small):
    first = next(shopsim.stream(small, 7))
    resumed = next(shopsim.stream(small, 7, start=shopsim.Position(0, first.rows.height)))
    assert resumed.index == 1


def test_a_stream_in_pieces_is_the_stream(small):
    whole = pl.concat([w.rows for w in shopsim.stream(small, 7, limit=10_000)])
    pieces, position = [], shopsim.Position()
    for size in (1, 6_000, 3_999):
        for window in shopsim.stream(small, 7, start=position, limit=size):
            pieces.append(window.rows)
            position = window.next
    assert pl.concat(pieces).equals(whole)


def test_nothing_is_asked_for_and_nothing_comes(demo):
    assert list(shopsim.stream(demo, 7, limit=0)) == []
