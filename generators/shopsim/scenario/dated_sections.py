"""Sections of a scenario that say when a shop is not as on other days: holidays, campaigns, flash sales, growth."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import Meta

from shopsim.scenario.section_types import Growth, Lift, Name, Section


class Holidays(Section, frozen=True, kw_only=True):
    """What the public holidays of each customer's country change; the calendar is `shopsim.calendar.holidays`.

    Attributes:
        traffic: visits on such a day, relative to the same day without.
        deliveries: whether parcels are delivered on holidays; if not, on the next day that is not a holiday.
    """

    traffic: Annotated[float, Meta(ge=0, le=10)] = 1.15
    deliveries: bool = False


class Trend(Section, frozen=True, kw_only=True):
    """Growth from the start on, a year at a time, up to a factor of 100.

    Attributes:
        visits_per_year: growth of the visits of each customer in a year; 0.3 is 30% more.
        signups_per_year: growth of `customers.signups_per_day` in a year; -0.2 is 20% fewer.
    """

    visits_per_year: Growth = 0.0
    signups_per_year: Growth = 0.0


class Campaign(Section, frozen=True, kw_only=True):
    """Advertising in a span of days, in the visitor's own time zone.

    The visits that it adds carry its name: with a lift of 3, two sessions out of three.

    Attributes:
        name: as it stands in `session_started`.
        first: its first day.
        last: its last day, which is included.
        lift: traffic on these days, relative to what it would be without.
    """

    name: Name
    first: dt.date
    last: dt.date
    lift: Lift


class FlashSale(Section, frozen=True, kw_only=True):
    """A few hours in which some products cost less, from a `product_price_changed` to the next.

    Attributes:
        name: stands as campaign in the sessions that the sale adds.
        start: UTC, at a full hour.
        hours: how long.
        products: how many, drawn from those on sale long enough.
        percent: off their price.
        lift: traffic in these hours, relative to what it would be without.
        demand: for each of those products, relative to what it would be without.
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
