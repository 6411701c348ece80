"""The facts of a shop hold in shipped scenarios and at the edges of what scenarios may say, and are seen to fail."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from shopsim.core.locales import LOCALES

from .invariants_page import PAGE, renewed
from .limit_scenarios import scenarios_at_the_edge
from .shop import invariants, plants, shop_of

SALE = {"hours": 6, "products": 15, "percent": 50, "lift": 3, "demand": 9}
EDGES = {
    "hardly any stock": {"stock": {"minimum": 1, "cover_days": 0.5}, "catalogue": {"products": 20}},
    "customers who come and go, prices that jump": {
        "window_hours": 6,
        "lanes": 3,
        "customers": {
            "initial": 200,
            "churn_per_year": 100,
            "reactivations_per_year": 100,
            "segment_changes_per_year": 80,
        },
        "catalogue": {"price_changes_per_year": 100, "launches_per_day": 30, "lifetime_days": 5},
    },
    "everything at once": {
        "window_hours": 12,
        "fulfilment": {"capture_hours": 0.02, "ship_hours": 0.02, "delivery_days": 0.001},
        "returns": {"share": 1.0, "days": 0.01, "refund_days": 0.01},
        "reviews": {"share": 1.0, "days": 0.01, "removed_share": 1.0, "removed_days": 0.01},
        "sessions": {"steps": 20, "seconds_between_steps": 60},
    },
    "one customer, one product": {
        "lanes": 1,
        "customers": {"initial": 1, "signups_per_day": 1},
        "catalogue": {"products": 1, "launches_per_day": 0},
        "flash_sales": [],  # of more products than the shop has
    },
    "ten countries, prices in yen, charge-backs for all": {
        "currency": "JPY",
        "currencies": {"EUR": 0.0062, "GBP": 0.0053, "PLN": 0.026, "SEK": 0.068, "USD": 0.0067},
        "customers": {"initial": 400, "locales": dict.fromkeys(LOCALES, 1)},
        "payments": {"chargebacks": {"share": 1.0, "days": 0.5}},
        "returns": {"share": 0.0, "goodwill_share": 0.8},
        "fulfilment": {"capture_hours": 0.02, "ship_hours": 0.02, "delivery_days": 0.1},
        "window_hours": 24,
    },
    "flash sales one upon the other": {
        "window_hours": 24,
        "customers": {"initial": 200},
        "catalogue": {"products": 40, "price_changes_per_year": 100, "launches_per_day": 10, "lifetime_days": 4},
        "flash_sales": [
            {**SALE, "name": "first", "start": "2026-09-01T20:00:00Z"},
            {**SALE, "name": "second", "start": "2026-09-01T23:00:00Z"},
            {**SALE, "name": "third", "start": "2026-09-02T00:00:00Z"},
            {**SALE, "name": "fourth", "start": "2026-09-02T05:00:00Z"},
        ],
        "campaigns": [{"name": "all-days", "first": "2026-09-01", "last": "2026-09-02", "lift": 4}],
    },
    "no payment goes through": {"payments": {"decline": 1.0, "retry": 1.0, "attempts": 5}},
    "windows of two months": {"window_hours": 1440, "customers": {"initial": 50, "signups_per_day": 2}},
}


def test_a_shipped_scenario_with_200k_events_has_no(invariant, shipped_shop):
    assert shipped_shop.sql.execute(invariant).fetchmany(3) == []


@pytest.mark.parametrize("sections", EDGES.values(), ids=EDGES.keys())
def test_the_invariants_hold_in_a_shop_with(sections, changed):
    assert shop_of(changed(**sections), 3, 3_000).violations() == {}


@settings(max_examples=12, deadline=None)
@given(scenario=scenarios_at_the_edge())
def test_the_invariants_hold_wherever_a_scenario_goes_to_its_limits(scenario):
    assert shop_of(scenario, 3, 2_000, windows=5).violations() == {}


def test_the_shop_without_planted_violations_is_sound(sound_shop):
    assert sound_shop.violations() == {}


def test_a_planted_violation_is_found_by_the_stated_invariants_only(plant, sound_shop):
    with sound_shop.planted(plant.change):
        assert set(sound_shop.violations()) == plant.seen_by


def test_each_invariant_can_fail():
    assert set().union(*(plant.seen_by for plant in plants())) == set(invariants())


def test_the_list_in_the_docs_is_current():
    """`python -m tests.simulator.invariants_page` renews it."""
    assert PAGE.read_text() == renewed(PAGE.read_text())
