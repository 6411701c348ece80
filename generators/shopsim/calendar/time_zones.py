"""Time zones with today's rules for all years. The machine's own tables differ between releases of tzdata."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from shopsim.core.rng import Ints

HOUR_MS = 3_600_000
_YEARS = range(1989, 2103)
_TIME_BITS = 44  # milliseconds since 1970 until the year 2527


def sunday_on_or_after(year: int, month: int, day: int) -> dt.date:
    """The first Sunday on or after a day."""
    first = dt.date(year, month, day)
    return first + dt.timedelta(days=(6 - first.weekday()) % 7)


@dataclass(frozen=True, slots=True)
class Zone:
    """Hours ahead of UTC in winter, and the start and end of summer time, which adds one hour.

    Attributes:
        hours: ahead of UTC in winter.
        summer: year -> start and end of summer time, UTC; None for a zone without it.
    """

    hours: int
    summer: Callable[[int], tuple[dt.datetime, dt.datetime]] | None = None


def _european(year: int) -> tuple[dt.datetime, dt.datetime]:
    hour = dt.time(1, tzinfo=dt.UTC)
    begins, ends = sunday_on_or_after(year, 3, 25), sunday_on_or_after(year, 10, 25)
    return dt.datetime.combine(begins, hour), dt.datetime.combine(ends, hour)


def _eastern(year: int) -> tuple[dt.datetime, dt.datetime]:
    begins, ends = sunday_on_or_after(year, 3, 8), sunday_on_or_after(year, 11, 1)
    return (
        dt.datetime.combine(begins, dt.time(7, tzinfo=dt.UTC)),  # 2:00 at five hours behind
        dt.datetime.combine(ends, dt.time(6, tzinfo=dt.UTC)),  # 2:00 at four hours behind
    )


ZONES: dict[str, Zone] = {
    "Europe/London": Zone(0, _european),
    "America/New_York": Zone(-5, _eastern),
    "Asia/Tokyo": Zone(9),
} | {
    name: Zone(1, _european)
    for name in (
        "Europe/Amsterdam",
        "Europe/Berlin",
        "Europe/Madrid",
        "Europe/Paris",
        "Europe/Rome",
        "Europe/Stockholm",
        "Europe/Warsaw",
    )
}


class UtcOffsets:
    """UTC offsets of several zones, vectorised over many times."""

    def __init__(self, zones: list[str]) -> None:
        changes = [change for number, zone in enumerate(zones) for change in _changes(number, ZONES[zone])]
        self._at = np.array([(number << _TIME_BITS) + at for number, at, _ in changes], dtype=np.int64)
        self._offset = np.array([hours * HOUR_MS for _, _, hours in changes], dtype=np.int64)

    def offset_ms(self, zone: Ints, at_ms: Ints) -> Ints:
        """Milliseconds by which local time is ahead of UTC, at times from 1990 to 2102.

        Args:
            zone: index in the list of zones, per row or one for all.
            at_ms: UTC milliseconds since 1970, per row.
        """
        return self._offset[np.searchsorted(self._at, (zone << _TIME_BITS) + at_ms, side="right") - 1]


def _changes(number: int, zone: Zone) -> list[tuple[int, int, int]]:
    """(index of the zone, start in UTC milliseconds, hours ahead of UTC), in order of time."""
    changes = [(number, 0, zone.hours)]
    if zone.summer is None:
        return changes
    for year in _YEARS:
        begins, ends = zone.summer(year)
        changes.append((number, round(begins.timestamp() * 1000), zone.hours + 1))
        changes.append((number, round(ends.timestamp() * 1000), zone.hours))
    return changes
