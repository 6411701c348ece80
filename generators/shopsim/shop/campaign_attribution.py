"""Which sessions a dated campaign or a flash sale brought."""

from __future__ import annotations

import numpy as np

from shopsim.calendar.scenario_calendar import ScenarioCalendar
from shopsim.calendar.traffic import DAY_MS, Period
from shopsim.core.rng import Bools, Ints, RandomStream
from shopsim.scenario.dated_sections import Campaign, FlashSale
from shopsim.scenario.sections import Scenario


def campaign_names(scenario: Scenario) -> list[str]:
    """Names by number: the campaigns of all the time, then those with dates, then the flash sales."""
    dated = [campaign.name for campaign in scenario.campaigns]
    return [*sorted(scenario.sessions.campaigns), *dated, *(sale.name for sale in scenario.flash_sales)]


class CampaignAttribution:
    """Gives sessions the names of campaigns. Holds settings only."""

    def __init__(self, scenario: Scenario, calendar: ScenarioCalendar) -> None:
        self._calendar = calendar
        self._promotions: tuple[Campaign | FlashSale, ...] = (*scenario.campaigns, *scenario.flash_sales)
        self._first = len(scenario.sessions.campaigns)

    def campaign(self, period: Period, rng: RandomStream, locale: Ints, start_ms: Ints, otherwise: Ints) -> Ints:
        """Numbers of campaigns, shape [sessions].

        A lift of 3 adds two sessions to each that came anyway: two out of three are the campaign's.

        Args:
            period: the window.
            rng: random numbers.
            locale: of the sessions.
            start_ms: of the sessions.
            otherwise: the campaign of a session that no dated one brought.
        """
        campaign = otherwise.copy()
        for number, promotion in enumerate(self._promotions, start=self._first):
            if _overlaps(period, promotion):
                brought = rng.chance(1 - 1 / promotion.lift, len(campaign))
                campaign[self._during(promotion, locale, start_ms) & brought] = number
        return campaign

    def _during(self, promotion: Campaign | FlashSale, locale: Ints, start_ms: Ints) -> Bools:
        if isinstance(promotion, Campaign):
            return self._calendar.in_local_days(promotion.first, promotion.last, locale, start_ms)
        inside: Bools = (start_ms >= promotion.start_ms) & (start_ms < promotion.end_ms)
        return inside


def _overlaps(period: Period, promotion: Campaign | FlashSale) -> bool:
    if isinstance(promotion, FlashSale):
        return promotion.start_ms < period.end_ms and promotion.end_ms > period.start_ms
    # A day more on both sides, for the time zones.
    first, last = (np.datetime64(day, "ms").astype(np.int64) for day in (promotion.first, promotion.last))
    return bool(first - DAY_MS < period.end_ms and last + 2 * DAY_MS > period.start_ms)
