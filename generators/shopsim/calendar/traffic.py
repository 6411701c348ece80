"""A period of event time and its traffic: an integer table per locale and hour, from which event times are drawn."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from shopsim.core.rng import Ints, RandomStream

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MINUTE_MS = 60_000

NEVER_MS = 2**60
"""A time that never comes."""

OPENING_MS = HOUR_MS
"""Time from the start to the first visit. Product launches, first stock and first registrations come before it."""

QUIET_MS = 3 * HOUR_MS
"""No session lasts longer. No customer status and no regular price changes in this first part of a period.

So a session that continues in the next period cannot see a change that was unknown when it was simulated.
"""

PPM = 1_000_000
"""Traffic of an average hour, in the tables."""

_TOTAL_BITS = 30


@dataclass(frozen=True, slots=True)
class Period:
    """The event time that is simulated in one step, and its traffic.

    Attributes:
        index: number of the period.
        start_ms, end_ms: from (included) and to (excluded).
        opens_ms: when visits may begin; after the start in window 0 only.
        traffic: per locale and hour, in `PPM`; int64 [locales, hours].
        visit_growth, signup_growth: factor since the start of the simulation, in thousandths.
    """

    index: int
    start_ms: int
    end_ms: int
    opens_ms: int
    traffic: Ints
    visit_growth: int
    signup_growth: int
    _totals: Ints = field(init=False)
    _keys: Ints = field(init=False)

    def __post_init__(self) -> None:
        # A period without any traffic: events that must happen in it are spread evenly.
        empty = self.traffic.sum(axis=1, keepdims=True) == 0
        totals = np.cumsum(np.where(empty, PPM, self.traffic), axis=1)
        # `RandomStream.below` multiplies by 32-bit words, and the locale is stored in the bits above the total.
        totals >>= max(0, int(totals.max()).bit_length() - _TOTAL_BITS)
        locale = np.arange(len(totals)) << (_TOTAL_BITS + 1)
        object.__setattr__(self, "_totals", totals[:, -1].copy())
        object.__setattr__(self, "_keys", (totals + locale[:, None]).ravel())

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.end_ms - self.start_ms) / DAY_MS

    @property
    def visits(self) -> Ints:
        """Asked of each locale, in hundredths of those of an average day at the start; int64 [locales]."""
        asked: Ints = self.traffic.sum(axis=1) * self.visit_growth // (24 * 10 * PPM)
        return asked

    @property
    def signups(self) -> Ints:
        """Asked of each locale, in hundredths of those of an average day at the start; int64 [locales]."""
        asked: Ints = self.traffic.sum(axis=1) * self.signup_growth // (24 * 10 * PPM)
        return asked

    def traffic_times(self, rng: RandomStream, locale: Ints) -> Ints:
        """Random times between `opens_ms` and the end, distributed as the traffic of each row's locale."""
        wanted = rng.below(self._totals[locale], len(locale)) + (locale << (_TOTAL_BITS + 1))
        hour: Ints = np.searchsorted(self._keys, wanted, side="right") - locale * self.traffic.shape[1]
        return self.start_ms + hour * HOUR_MS + rng.below(HOUR_MS, len(locale))

    def uniform_times(self, rng: RandomStream, n: int) -> Ints:
        """`n` random times, uniform, after the first `QUIET_MS` of the period."""
        # Seconds first: a long period has more milliseconds than `RandomStream.below` can choose from.
        seconds = (self.end_ms - self.start_ms - QUIET_MS) // 1000
        return self.start_ms + QUIET_MS + rng.below(seconds, n) * 1000 + rng.below(1000, n)
