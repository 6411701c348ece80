"""National public holidays by country. Today's law applies to all years.

Not included: regional holidays, substitutes for holidays on a Sunday, and Japan's equinoxes, announced each year.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

MONDAY, THURSDAY = 0, 3


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same day each year."""

    month: int
    day: int

    def date(self, year: int) -> dt.date:
        """The day in a year."""
        return dt.date(year, self.month, self.day)


@dataclass(frozen=True, slots=True)
class Easter:
    """A number of days after Easter Sunday."""

    days: int

    def date(self, year: int) -> dt.date:
        """The day in a year."""
        return easter(year) + dt.timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Nth:
    """The n-th weekday of a month; a negative n counts from the end of the month."""

    n: int
    weekday: int
    month: int

    def date(self, year: int) -> dt.date:
        """The day in a year."""
        if self.n < 0:
            last = dt.date(year + self.month // 12, self.month % 12 + 1, 1) - dt.timedelta(days=1)
            return last - dt.timedelta(days=(last.weekday() - self.weekday) % 7 + 7 * (-self.n - 1))
        first = dt.date(year, self.month, 1)
        return first + dt.timedelta(days=(self.weekday - first.weekday()) % 7 + 7 * (self.n - 1))


@dataclass(frozen=True, slots=True)
class After:
    """The first given weekday on or after a day: Sweden's Midsummer is the first Saturday from 20 June on."""

    month: int
    day: int
    weekday: int

    def date(self, year: int) -> dt.date:
        """The day in a year."""
        first = dt.date(year, self.month, self.day)
        return first + dt.timedelta(days=(self.weekday - first.weekday()) % 7)


Rule = Fixed | Easter | Nth | After

_NEW_YEAR, _LABOUR, _ASSUMPTION, _ALL_SAINTS = Fixed(1, 1), Fixed(5, 1), Fixed(8, 15), Fixed(11, 1)
_CHRISTMAS, _SECOND_CHRISTMAS = Fixed(12, 25), Fixed(12, 26)
_GOOD_FRIDAY, _EASTER, _EASTER_MONDAY, _ASCENSION = Easter(-2), Easter(0), Easter(1), Easter(39)
_WHIT_MONDAY, _CORPUS_CHRISTI = Easter(50), Easter(60)

HOLIDAYS: dict[str, tuple[Rule, ...]] = {
    "DE": (
        *(_NEW_YEAR, _GOOD_FRIDAY, _EASTER_MONDAY, _LABOUR, _ASCENSION, _WHIT_MONDAY),
        *(Fixed(10, 3), _CHRISTMAS, _SECOND_CHRISTMAS),
    ),
    "FR": (
        *(_NEW_YEAR, _EASTER_MONDAY, _LABOUR, Fixed(5, 8), _ASCENSION, _WHIT_MONDAY, Fixed(7, 14)),
        *(_ASSUMPTION, _ALL_SAINTS, Fixed(11, 11), _CHRISTMAS),
    ),
    "IT": (
        *(_NEW_YEAR, Fixed(1, 6), _EASTER, _EASTER_MONDAY, Fixed(4, 25), _LABOUR, Fixed(6, 2)),
        *(_ASSUMPTION, _ALL_SAINTS, Fixed(12, 8), _CHRISTMAS, _SECOND_CHRISTMAS),
    ),
    "NL": (
        *(_NEW_YEAR, _EASTER, _EASTER_MONDAY, Fixed(4, 27), _ASCENSION, _WHIT_MONDAY),
        *(_CHRISTMAS, _SECOND_CHRISTMAS),
    ),
    "ES": (
        *(_NEW_YEAR, Fixed(1, 6), _GOOD_FRIDAY, _LABOUR, _ASSUMPTION, Fixed(10, 12), _ALL_SAINTS),
        *(Fixed(12, 6), Fixed(12, 8), _CHRISTMAS),
    ),
    "GB": (
        *(_NEW_YEAR, _GOOD_FRIDAY, _EASTER_MONDAY, Nth(1, MONDAY, 5), Nth(-1, MONDAY, 5), Nth(-1, MONDAY, 8)),
        *(_CHRISTMAS, _SECOND_CHRISTMAS),
    ),
    "PL": (
        *(_NEW_YEAR, Fixed(1, 6), _EASTER, _EASTER_MONDAY, _LABOUR, Fixed(5, 3), _CORPUS_CHRISTI),
        *(_ASSUMPTION, _ALL_SAINTS, Fixed(11, 11), Fixed(12, 24), _CHRISTMAS, _SECOND_CHRISTMAS),
    ),
    "SE": (
        *(_NEW_YEAR, Fixed(1, 6), _GOOD_FRIDAY, _EASTER, _EASTER_MONDAY, _LABOUR, _ASCENSION, Fixed(6, 6)),
        *(After(6, 20, 5), After(10, 31, 5), _CHRISTMAS, _SECOND_CHRISTMAS),
    ),
    "US": (
        *(_NEW_YEAR, Nth(3, MONDAY, 1), Nth(3, MONDAY, 2), Nth(-1, MONDAY, 5), Fixed(6, 19), Fixed(7, 4)),
        *(Nth(1, MONDAY, 9), Nth(2, MONDAY, 10), Fixed(11, 11), Nth(4, THURSDAY, 11), _CHRISTMAS),
    ),
    "JP": (
        *(_NEW_YEAR, Nth(2, MONDAY, 1), Fixed(2, 11), Fixed(2, 23), Fixed(4, 29), Fixed(5, 3), Fixed(5, 4)),
        *(Fixed(5, 5), Nth(3, MONDAY, 7), Fixed(8, 11), Nth(3, MONDAY, 9), Nth(2, MONDAY, 10)),
        *(Fixed(11, 3), Fixed(11, 23)),
    ),
}
"""Country code -> rules for its holidays."""


def holidays(country: str, year: int) -> set[dt.date]:
    """The public holidays of a country in a year."""
    return {rule.date(year) for rule in HOLIDAYS[country]}


def easter(year: int) -> dt.date:
    """Easter Sunday in the Gregorian calendar (J. Meeus, Astronomical Algorithms, chapter 8)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    k = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    m = (a + 11 * h + 22 * k) // 451
    month, day = divmod(h + k - 7 * m + 114, 31)
    return dt.date(year, month, day + 1)
