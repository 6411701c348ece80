"""Attribute sessions to dated campaigns and flash sales."""

from __future__ import annotations

import numpy as np

from shopsim.calendar.scenario_calendar import ScenarioCalendar
from shopsim.calendar.traffic import DAY_MS, Period
from shopsim.core.rng import Bools, Ints, RandomStream
from shopsim.scenario.dated_sections import Campaign, FlashSale
from shopsim.scenario.sections import Scenario


def campaign_names(scenario: Scenario) -> list[str]:
    """Names by number: permanent campaigns, then dated campaigns, then flash sales."""
    dated = [campaign.name for campaign in scenario.campaigns]
    return [*sorted(scenario.sessions.campaigns), *dated, *(sale.name for sale in scenario.flash_sales)]


class CampaignAttribution:
    """Assigns campaigns to sessions. Stateless."""

    def __init__(self, scenario: Scenario, calendar: ScenarioCalendar) -> None:
        self._calendar = calendar
        self._promotions: tuple[Campaign | FlashSale, ...] = (*scenario.campaigns, *scenario.flash_sales)
        self._first = len(scenario.sessions.campaigns)

    def campaign(self, period: Period, rng: RandomStream, locale: Ints, start_ms: Ints, otherwise: Ints) -> Ints:
        """Number of the campaign of each session, shape [sessions].

        A lift of 3 triples the traffic, so two sessions out of three belong to the campaign.

        Args:
            period: the window.
            rng: random numbers.
            locale: of the sessions.
            start_ms: of the sessions.
            otherwise: the campaign of a session without a dated campaign.
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
    # One more day on both sides, for time zones.
    first, last = (np.datetime64(day, "ms").astype(np.int64) for day in (promotion.first, promotion.last))
    return bool(first - DAY_MS < period.end_ms and last + 2 * DAY_MS > period.start_ms)
