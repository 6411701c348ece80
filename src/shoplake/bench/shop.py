"""The shop whose events are measured: the load test's, smaller, so that its opening is soon over."""

from __future__ import annotations

import copy

import shopsim
from shoplake.publish.run import Run

SEED = 7
NAME = "bench"
CUSTOMERS, PRODUCTS = 20_000, 1_000
SESSIONS_PER_DAY = 1.25
"""Of a customer: about 100,000 events in each window, which is what one transaction should hold."""


def scenario() -> shopsim.Scenario:
    """The load test with a tenth of its customers.

    200,000 customers register before anything else happens there: of half a million events nearly all would be that.
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
