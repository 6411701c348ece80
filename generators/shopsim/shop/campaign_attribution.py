"""Which sessions a dated campaign or a flash sale brought."""

from __future__ import annotations

import numpy as np

from shopsim.calendar.scenario_calendar import Timetable
from shopsim.calendar.traffic import DAY_MS, Span
from shopsim.core.rng import Bools, Draws, Ints
from shopsim.scenario.dated_sections import Campaign, FlashSale
from shopsim.scenario.sections import Scenario


def campaign_names(scenario: Scenario) -> list[str]:
    """Names by number: the campaigns of all the time, then those with dates, then the flash sales."""
    dated = [campaign.name for campaign in scenario.campaigns]
    return [*sorted(scenario.sessions.campaigns), *dated, *(sale.name for sale in scenario.flash_sales)]


class Attribution:
    """Gives sessions the names of campaigns. Holds settings only."""

    def __init__(self, scenario: Scenario, timetable: Timetable) -> None:
        self._timetable = timetable
        self._occasions: tuple[Campaign | FlashSale, ...] = (*scenario.campaigns, *scenario.flash_sales)
        self._first = len(scenario.sessions.campaigns)

    def campaign(self, span: Span, draws: Draws, locale: Ints, start_ms: Ints, otherwise: Ints) -> Ints:
        """Numbers of campaigns, shape [sessions].

        A lift of 3 adds two sessions to each that came anyway: two out of three are the campaign's.

        Args:
            span: the window.
            draws: where chance comes from.
            locale: of the sessions.
            start_ms: of the sessions.
            otherwise: the campaign of a session that no dated one brought.
        """
        campaign = otherwise.copy()
        for number, occasion in enumerate(self._occasions, start=self._first):
            if _touches(span, occasion):
                brought = draws.chance(1 - 1 / occasion.lift, len(campaign))
                campaign[self._during(occasion, locale, start_ms) & brought] = number
        return campaign

    def _during(self, occasion: Campaign | FlashSale, locale: Ints, start_ms: Ints) -> Bools:
        if isinstance(occasion, Campaign):
            return self._timetable.within(occasion.first, occasion.last, locale, start_ms)
        inside: Bools = (start_ms >= occasion.start_ms) & (start_ms < occasion.end_ms)
        return inside


def _touches(span: Span, occasion: Campaign | FlashSale) -> bool:
    if isinstance(occasion, FlashSale):
        return occasion.start_ms < span.end_ms and occasion.end_ms > span.start_ms
    # A day more on both sides, for the time zones.
    first, last = (np.datetime64(day, "ms").astype(np.int64) for day in (occasion.first, occasion.last))
    return bool(first - DAY_MS < span.end_ms and last + 2 * DAY_MS > span.start_ms)
