"""Convert list prices to the customers' currencies with the scenario's fixed rates, in whole minor units."""

from __future__ import annotations

import numpy as np

from shoplake.contract import minor_digits
from shopsim.calendar.scenario_calendar import locales_of
from shopsim.core.rng import Ints
from shopsim.scenario.sections import Scenario

PPM = 1_000_000
"""Unit of the rates: millionths."""


class ExchangeRates:
    """Exchange rates of one scenario. Immutable.

    Attributes:
        currencies: codes by number.
        of_locale: number of each locale's currency, int64 [locales].
    """

    def __init__(self, scenario: Scenario) -> None:
        used = {locale.currency for locale in locales_of(scenario)}
        self.currencies = sorted(used | {scenario.currency})
        self.locale_currency = np.array([self.currencies.index(locale.currency) for locale in locales_of(scenario)])
        self._rates = np.array([minor_rate(scenario, currency) for currency in self.currencies], dtype=np.int64)

    def amount(self, cents: Ints | int, currency: Ints) -> Ints:
        """Convert an amount from the list currency, rounded to whole minor units. A positive amount stays at least 1.

        Args:
            cents: minor units of the scenario's currency, per row or one for all.
            currency: numbers of currencies, per row.
        """
        converted = (cents * self._rates[currency] + PPM // 2) // PPM
        return np.maximum(converted, np.minimum(cents, 1))


def minor_rate(scenario: Scenario, currency: str) -> int:
    """Minor units of a currency per minor unit of the scenario's currency, in millionths."""
    rate = 1.0 if currency == scenario.currency else scenario.currencies[currency]
    return round(rate * 10.0 ** (minor_digits(currency) - minor_digits(scenario.currency)) * PPM)
