"""Sections of a scenario that change traffic over time: holidays, growth, campaigns, flash sales."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import Meta

from shopsim.scenario.section_types import Growth, Lift, Name, Section


class Holidays(Section, frozen=True, kw_only=True):
    """Effects of the public holidays of each customer's country; the calendar is `shopsim.calendar.holidays`.

    Attributes:
        traffic: visits on a holiday, relative to the same day without the holiday.
        deliveries: whether parcels are delivered on holidays; if not, on the next day that is not a holiday.
    """

    traffic: Annotated[float, Meta(ge=0, le=10)] = 1.15
    deliveries: bool = False


class Trend(Section, frozen=True, kw_only=True):
    """Yearly growth from the start on, up to a factor of 100.

    Attributes:
        visits_per_year: growth of the visits of each customer in a year; 0.3 is 30% more.
        signups_per_year: growth of `customers.signups_per_day` in a year; -0.2 is 20% fewer.
    """

    visits_per_year: Growth = 0.0
    signups_per_year: Growth = 0.0


class Campaign(Section, frozen=True, kw_only=True):
    """Advertising on some days, in the visitor's own time zone.

    The sessions that it adds have its name as `campaign`: with a lift of 3, two sessions out of three.

    Attributes:
        name: value of `campaign` in `session_started`.
        first: first day.
        last: last day (included).
        lift: traffic on these days, relative to the same days without the campaign.
    """

    name: Name
    first: dt.date
    last: dt.date
    lift: Lift


class FlashSale(Section, frozen=True, kw_only=True):
    """Some hours with lower prices for some products: one `product_price_changed` at the start, one at the end.

    Attributes:
        name: value of `campaign` in the sessions that the sale adds.
        start: start time in UTC, at a full hour.
        hours: duration in hours.
        products: number of products in the sale, chosen at random from those on sale before and after it.
        percent: discount in percent.
        lift: traffic in these hours, relative to the same hours without the sale.
        demand: demand for each of these products, relative to the demand without the sale.
    """

    name: Name
    start: Annotated[dt.datetime, Meta(tz=True)]
    hours: Annotated[int, Meta(ge=1, le=168)]
    products: Annotated[int, Meta(ge=1, le=100_000)]
    percent: Annotated[int, Meta(ge=1, le=90)]
    lift: Lift
    demand: Annotated[float, Meta(ge=1, le=100)]

    @property
    def start_ms(self) -> int:
        """UTC milliseconds since 1970."""
        return round(self.start.timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        """UTC milliseconds since 1970, excluded."""
        return self.start_ms + self.hours * 3_600_000
