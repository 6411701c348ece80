"""The facts of a shop hold in ten million events of each shipped scenario, and in many scenarios at the limits.

Takes minutes, so it is run by hand: `./shoplake test tests/simulator -m large -rP`.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings

import shopsim

from .limit_scenarios import scenarios_at_the_edge
from .shop import shop_of

EVENTS = 10_000_000

pytestmark = [pytest.mark.large, pytest.mark.timeout(3600)]


@pytest.mark.parametrize("scenario", shopsim.scenarios())
def test_in_ten_million_events_no_invariant_is_violated(scenario, tmp_path):
    began = time.monotonic()
    shop = shop_of(shopsim.load_scenario(scenario), 7, EVENTS, path=tmp_path / "shop.duckdb")
    loaded = time.monotonic()
    violations = shop.violations()
    print(
        f"{scenario}: {shop.events:,} events simulated and stored in {loaded - began:.0f} s, "
        f"{len(violations)} invariants violated, asked in {time.monotonic() - loaded:.0f} s"
    )
    events = shop.events
    shop.sql.close()
    assert events >= EVENTS
    assert violations == {}


@settings(max_examples=500, deadline=None)
@given(scenario=scenarios_at_the_edge())
def test_the_invariants_hold_in_many_scenarios_at_their_limits(scenario):
    assert shop_of(scenario, 11, 3_000, windows=8).violations() == {}
