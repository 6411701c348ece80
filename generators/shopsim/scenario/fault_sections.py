"""Sections of a scenario that define faults: rates, delays and duplicates."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from shopsim.scenario.section_types import Section, Share


class Late(Section, frozen=True, kw_only=True):
    """Delay of late events: a log-normal distribution with an upper limit.

    Attributes:
        median_minutes: median delay.
        spread: standard deviation of the logarithm; with 0 all delays are equal.
        cap_hours: maximum delay.
    """

    median_minutes: Annotated[float, Meta(gt=0, le=10_080)] = 20.0
    spread: Annotated[float, Meta(ge=0, le=4)] = 1.2
    cap_hours: Annotated[float, Meta(gt=0, le=168)] = 24.0


class Rates(Section, frozen=True, kw_only=True):
    """Share of events with each fault. An event has at most one fault.

    Attributes:
        late: published later, with a delay from `faults.late`.
        out_of_order: published up to `faults.out_of_order_seconds` later, so that other events overtake it.
        duplicated: published a second time, with the same id, up to `faults.duplicated_seconds` after the first.
        malformed: the value is not valid JSON.
        missing_field: a required field is missing.
        wrong_type: a field has another type, such as a number in quotes.
        unknown_enum: a field with a list of allowed values has another value.
        unknown_type: the event type has a version that the contract does not know.
        oversize: a text is longer than the contract allows.
    """

    late: Share | None = None
    out_of_order: Share | None = None
    duplicated: Share | None = None
    malformed: Share | None = None
    missing_field: Share | None = None
    wrong_type: Share | None = None
    unknown_enum: Share | None = None
    unknown_type: Share | None = None
    oversize: Share | None = None


class Faults(Section, frozen=True, kw_only=True):
    """Faults that the simulator injects on purpose, between the shop and the log.

    Attributes:
        rates: share of events with each fault, by event type, by topic or for `all`; the most specific rate applies.
        late: distribution of the delay of a late event.
        out_of_order_seconds: maximum delay of an event that is out of order.
        duplicated_seconds: maximum time between the first and the second copy of an event.
    """

    rates: dict[str, Rates] = msgspec.field(default_factory=dict)
    late: Late = Late()
    out_of_order_seconds: Annotated[int, Meta(ge=1, le=3600)] = 10
    duplicated_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60
