"""The facts of a shop hold: in the demo one by one, and all of them in shops at the edges of what scenarios may say."""

from __future__ import annotations

import pytest

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
    },
    "no payment goes through": {"payments": {"decline": 1.0, "retry": 1.0, "attempts": 5}},
    "windows of two months": {"window_hours": 1440, "customers": {"initial": 50, "signups_per_day": 2}},
}


def test_in_the_demo_nothing_is_found_that(invariant, demo_shop):
    assert demo_shop.execute(invariant).fetchmany(3) == []


@pytest.mark.parametrize("sections", EDGES.values(), ids=EDGES.keys())
def test_the_invariants_hold_in_a_shop_with(sections, changed, simulated, violations):
    assert violations(simulated(changed(**sections), 3, 3_000)) == {}


def test_an_order_without_its_customer_is_noticed(demo_rows, violations):
    shop = demo_rows.filter(demo_rows["type"] != "customer_registered")
    assert "something happens to a customer who has not registered" in violations(shop.head(20_000))


def test_stock_that_was_never_received_is_noticed(demo_rows, violations):
    shop = demo_rows.filter(demo_rows["type"] != "stock_received")
    assert "a warehouse holds less than nothing, or less than it promised" in violations(shop.head(20_000))
