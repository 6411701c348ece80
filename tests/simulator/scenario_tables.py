"""What the invariants need to know of a scenario, as tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import polars as pl

import shopsim
from shoplake.contract import minor_digits
from shopsim.calendar.holidays import holidays
from shopsim.core.locales import LOCALES

YEARS = 5
"""From the start; more than any test simulates."""


def stated(scenario: shopsim.Scenario) -> dict[str, pl.DataFrame]:
    """Table name -> rows."""
    return {
        "countries": _table(
            {"country": pl.String, "currency": pl.String, "zone": pl.String},
            [(place.country, place.currency, place.zone) for place in LOCALES.values()],
        ),
        "rates": _table({"currency": pl.String, "rate": pl.Float64}, _rates(scenario)),
        "holidays": _table({"country": pl.String, "day": pl.Date}, _closed(scenario)),
        "rules": _table({"sunday_deliveries": pl.Boolean}, [(scenario.fulfilment.sunday_deliveries,)]),
        "dated_campaigns": _table(
            {"name": pl.String, "first": pl.Date, "last": pl.Date},
            [(campaign.name, campaign.first, campaign.last) for campaign in scenario.campaigns],
        ),
        "flash_sales": _table(
            {"name": pl.String, "start_ms": pl.Int64, "end_ms": pl.Int64, "percent": pl.Int64, "products": pl.Int64},
            [(sale.name, sale.start_ms, sale.end_ms, sale.percent, sale.products) for sale in scenario.flash_sales],
        ),
    }


def _rates(scenario: shopsim.Scenario) -> list[tuple[str, float]]:
    """Minor units of each currency for a minor unit of the list prices."""
    digits = minor_digits(scenario.currency)
    rates = {scenario.currency: 1.0, **scenario.currencies}
    return [(code, rate * 10.0 ** (minor_digits(code) - digits)) for code, rate in rates.items()]


def _closed(scenario: shopsim.Scenario) -> list[tuple[str, dt.date]]:
    """Holidays on which no parcel arrives."""
    if scenario.holidays.deliveries:
        return []
    years = range(scenario.start.year, scenario.start.year + YEARS)
    return [
        (place.country, day) for place in LOCALES.values() for year in years for day in holidays(place.country, year)
    ]


def _table(schema: dict[str, Any], rows: Iterable[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=schema, orient="row")
