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
    """Share of events that each fault hits; an event has one fault at most.

    Attributes:
        late: comes as long after its time as `faults.late` says.
        out_of_order: comes up to `faults.out_of_order_seconds` after its time, so that others overtake it.
        duplicated: comes a second time, with the same id, up to `faults.duplicated_seconds` after the first.
        malformed: is no JSON any more.
        missing_field: lacks a field that the contract asks for.
        wrong_type: has a field of another type, such as a number in quotes.
        unknown_enum: has a value that the contract does not list, where it has a field with a list of values.
        unknown_type: is of a version of its type that the contract does not know.
        oversize: has a text that is longer than the contract allows.
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
        late: delay of late events.
        out_of_order_seconds: maximum delay of an event that is out of order.
        duplicated_seconds: maximum time between the first and the second copy of an event.
    """

    rates: dict[str, Rates] = msgspec.field(default_factory=dict)
    late: Late = Late()
    out_of_order_seconds: Annotated[int, Meta(ge=1, le=3600)] = 10
    duplicated_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60
