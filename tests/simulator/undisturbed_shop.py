"""A shop in which things can be counted: the demo without what blurs a count."""

from __future__ import annotations

from typing import Any

import shopsim

from .counting import Check

PLAIN: dict[str, Any] = {
    "window_hours": 96,
    "customers": {
        "initial": 3000,
        "signups_per_day": 30,
        "first_visit_share": 0,
        "churn_per_year": 0,
        "reactivations_per_year": 0,
        "segment_changes_per_year": 0,
        "address_changes_per_year": 1,
        "preference_changes_per_year": 2,
    },
    "catalogue": {"products": 200, "launches_per_day": 0, "staple_share": 1, "drift": 0},
    "sessions": {"steps": 4},
    "funnel": {"cart": 0.5, "checkout": 0.6, "complete": 0.9},
    "payments": {"decline": 0.12, "chargebacks": {"share": 0.1, "days": 0.3}},
    "fulfilment": {"cancelled_share": 0.05, "capture_hours": 0.5, "ship_hours": 2, "delivery_days": 0.2}
    | {"sunday_deliveries": True},
    "returns": {"share": 0.15, "days": 0.3, "refund_days": 0.2, "goodwill_share": 0.1},
    "reviews": {"days": 0.2, "removed_share": 0.2, "removed_days": 0.2},
    "stock": {"minimum": 10_000},
    "holidays": {"traffic": 1.0, "deliveries": True},
    "campaigns": [{"name": "two-days", "first": "2026-09-24", "last": "2026-09-25", "lift": 2.0}],
    "flash_sales": [
        {"name": "a-saturday", "start": "2026-09-26T08:00:00Z", "hours": 8, "lift": 3.0}
        | {"products": 10, "percent": 10, "demand": 1.0}
    ],
}
"""The demo without what blurs a count: customers and products that go, goods that run out, unusual days, delays."""


def plain(*changes: Check) -> shopsim.Scenario:
    """The scenario that is asked, or with the wrong values of some checks."""
    definition = _merged(shopsim.load_scenario("demo").to_dict(), PLAIN)
    for check in changes:
        change = check.wrong
        for key in reversed(check.key.split(".")):
            change = {key: change}
        definition = _merged(definition, change)
    return shopsim.scenario_from_dict(definition)


def _merged(value: Any, change: Any) -> Any:
    """Another value, or the same with other entries where it has some: `{3: 25}` changes the fourth of a list."""
    if not isinstance(change, dict):
        return change
    if isinstance(value, list | tuple):
        return [_merged(entry, change.get(place, entry)) for place, entry in enumerate(value)]
    return {**value, **{key: _merged(value.get(key), entry) for key, entry in change.items()}}
