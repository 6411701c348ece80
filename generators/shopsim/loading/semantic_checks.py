"""Checks that the types of a scenario cannot express: sums, ranges, dates, and references to names."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter

from shopsim.core.locales import LOCALES
from shopsim.errors import Problem
from shopsim.faults import selection as faults
from shopsim.loading import size_limits
from shopsim.scenario.sections import Scenario


def problems(scenario: Scenario) -> list[Problem]:
    """Problems of a scenario whose values have the right types."""
    return [
        *_sums(scenario),
        *_prices(scenario),
        *_currencies(scenario),
        *size_limits.problems(scenario),
        *_dates(scenario),
        *_names(scenario),
        *faults.problems(scenario.faults),
    ]


def _sums(scenario: Scenario) -> list[Problem]:
    found = [
        Problem(f"{key}", "at least one weight above 0", "only zeros")
        for key, weights in _weights(scenario).items()
        if sum(weights) <= 0
    ]
    if (views := scenario.funnel.search + scenario.funnel.product) > 1:
        found.append(Problem("funnel", "search + product of at most 1", f"{views:g}"))
    return found


def _prices(scenario: Scenario) -> list[Problem]:
    found: list[Problem] = []
    for number, category in enumerate(scenario.catalogue.categories):
        low, high = category.price_cents
        if not 50 <= low <= high:
            where = f"catalogue.categories[{number}].price_cents"
            found.append(Problem(where, "[lowest, highest] with 50 <= lowest <= highest", f"[{low}, {high}]"))
    return found


def _currencies(scenario: Scenario) -> list[Problem]:
    found: list[Problem] = []
    for name in scenario.customers.locales:
        currency = LOCALES[name].currency
        if currency != scenario.currency and currency not in scenario.currencies:
            expected = f"a rate for {currency} in `currencies`, as these customers pay in it"
            found.append(Problem(f"customers.locales.{name}", expected, ", ".join(scenario.currencies) or "no rates"))
    if scenario.currency in scenario.currencies:
        found.append(Problem(f"currencies.{scenario.currency}", "no rate for the currency of the list prices", "one"))
    return found


def _dates(scenario: Scenario) -> list[Problem]:
    found: list[Problem] = []
    if not dt.date(1990, 1, 2) <= scenario.start <= dt.date(2099, 1, 1):
        found.append(Problem("start", "a date from 1990-01-02 to 2099-01-01", f"{scenario.start}"))
    for number, campaign in enumerate(scenario.campaigns):
        if not scenario.start <= campaign.first <= campaign.last <= dt.date(2099, 12, 31):
            expected = f"first <= last, from the start {scenario.start} to 2099-12-31"
            found.append(Problem(f"campaigns[{number}]", expected, f"{campaign.first} to {campaign.last}"))
    for number, sale in enumerate(scenario.flash_sales):
        products = _launched_before(scenario, sale.start)
        if sale.products > products:
            expected = f"at most {products:,}, the products that the shop has by then"
            found.append(Problem(f"flash_sales[{number}].products", expected, f"{sale.products:,}"))
        where = f"flash_sales[{number}].start"
        if sale.start_ms % 3_600_000:
            found.append(Problem(where, "a full hour", f"{sale.start.isoformat()}"))
        if not scenario.start_ms < sale.start_ms < sale.end_ms < 4_102_444_800_000:
            expected = f"a time after the start {scenario.start} and before 2100"
            found.append(Problem(where, expected, f"{sale.start.isoformat()}"))
    return found


def _launched_before(scenario: Scenario, at: dt.datetime) -> int:
    """Estimated number of products launched before a time, discontinued ones included."""
    days = max(0.0, (at.timestamp() * 1000 - scenario.start_ms) / 86_400_000)
    return scenario.catalogue.products + math.ceil(scenario.catalogue.launches_per_day * days)


def _names(scenario: Scenario) -> list[Problem]:
    found: list[Problem] = []
    for key, parts in (("campaigns", scenario.campaigns), ("flash_sales", scenario.flash_sales)):
        twice = [name for name, times in Counter(part.name for part in parts).items() if times > 1]
        found.extend(Problem(key, "names that differ", f"`{name}` twice") for name in twice)
    return found


def _weights(scenario: Scenario) -> dict[str, list[float]]:
    segments = scenario.customers.segments
    return {
        "seasons.hours": list(scenario.seasons.hours),
        "seasons.weekdays": list(scenario.seasons.weekdays),
        "customers.locales": list(scenario.customers.locales.values()),
        "customers.segments": [getattr(segments, name).weight for name in segments.__struct_fields__],
        "catalogue.categories": [category.weight for category in scenario.catalogue.categories],
        "sessions.devices": list(scenario.sessions.devices.values()),
        "sessions.referrers": list(scenario.sessions.referrers.values()),
        "sessions.campaigns": list(scenario.sessions.campaigns.values()),
        "payments.methods": list(scenario.payments.methods.values()),
        "fulfilment.carriers": list(scenario.fulfilment.carriers.values()),
    }
