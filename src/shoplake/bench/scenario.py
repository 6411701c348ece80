"""The scenario of the benchmark: a smaller load test, so that the opening of the shop is short."""

from __future__ import annotations

import copy

import shopsim
from shoplake.publish.run import Run

SEED = 7
NAME = "bench"
CUSTOMERS, PRODUCTS = 10_000, 100
SESSIONS_PER_DAY = 2.5
"""Of a customer: about 100,000 events in each window, which is what one transaction should hold."""


def scenario() -> shopsim.Scenario:
    """The load test with few customers, who come often, and few products: of 20,000 events some are visits already.

    There, 200,000 customers register and 3,000 products are stocked in each of 64 lanes before anything else happens.
    """
    shop = copy.deepcopy(shopsim.load_scenario("load-test").to_dict()) | {"name": NAME}
    shop["customers"] |= {"initial": CUSTOMERS, "signups_per_day": CUSTOMERS // 100}
    shop["sessions"] |= {"per_customer_per_day": SESSIONS_PER_DAY}
    shop["catalogue"] |= {"products": PRODUCTS}
    return shopsim.scenario_from_dict(shop)


def run_of(events: int) -> Run:
    """So many of the shop's events, from its opening on."""
    return Run(scenario(), SEED, events)


def warm_up(run: Run) -> None:
    """Make the first window, with all that is made once: pools of text, the catalogue, compiled queries."""
    windows = run.stream()
    next(windows)
    windows.close()
