"""Shops that several files of tests look at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import shopsim

from .shop import Shop, invariants, plants, shop_of

SEED = 7

EVENTFUL = {
    "lanes": 2,
    "window_hours": 48,
    "customers": {
        "initial": 300,
        "signups_per_day": 20,
        "churn_per_year": 15,
        "reactivations_per_year": 60,
        "segment_changes_per_year": 10,
    },
    "catalogue": {"products": 80, "launches_per_day": 6, "lifetime_days": 15, "price_changes_per_year": 20},
    "payments": {"decline": 0.3, "chargebacks": {"share": 0.2, "days": 0.3}},
    "fulfilment": {"cancelled_share": 0.1, "capture_hours": 0.5, "ship_hours": 2, "delivery_days": 0.2},
    "returns": {"share": 0.3, "days": 0.3, "refund_days": 0.2, "goodwill_share": 0.2},
    "reviews": {"share": 0.5, "days": 0.2, "removed_share": 0.4, "removed_days": 0.2},
    "campaigns": [{"name": "two-days", "first": "2026-09-02", "last": "2026-09-03", "lift": 2}],
    "flash_sales": [
        {
            "name": "an-evening",
            "start": "2026-09-04T16:00:00Z",
            "hours": 4,
            "products": 20,
            "percent": 30,
            "lift": 2,
            "demand": 5,
        }
    ],
}
"""The demo with more of all that is rare and less waiting, so that a small shop has some of everything."""


@pytest.fixture(scope="session")
def eventful(changed: Callable[..., shopsim.Scenario]) -> shopsim.Scenario:
    return changed(**EVENTFUL)


@pytest.fixture(scope="session")
def sound_shop(eventful: shopsim.Scenario) -> Shop:
    """A small shop to plant violations in; who changes it uses `planted`, which takes the change back."""
    shop = shop_of(eventful, SEED, 10_000)
    shop.sql.execute("SET threads = 1")  # the queries are too small to be shared
    return shop


@pytest.fixture(scope="module", params=shopsim.scenarios())
def shipped_shop(request: pytest.FixtureRequest) -> Shop:
    """200,000 events of a shipped scenario."""
    return shop_of(shopsim.load_scenario(request.param), SEED, 200_000)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "invariant" in metafunc.fixturenames:
        metafunc.parametrize("invariant", list(invariants().values()), ids=list(invariants()))
    if "plant" in metafunc.fixturenames:
        metafunc.parametrize("plant", plants(), ids=[plant.what for plant in plants()])
