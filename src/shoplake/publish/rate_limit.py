"""When records are released: at once, no faster than a rate, or at the time at which the shop publishes them.

The simulator knows no clock; this is where its time meets the world's.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

import shopsim
from shoplake.errors import UsageError

LIVE_RATE_PER_S = 2_000.0
"""What a live run does not exceed unless told to: a laptop's stores keep up with it, also while it catches up."""

TICK_S = 0.25
"""How often a paced run publishes: an event comes so much after its time at most, and not each has a transaction."""

LONGEST_NAP_S = 30.0
"""In a quiet night nothing happens for long, but the clock may be set or the machine may have slept."""

_UNITS = {"s": 1, "min": 60, "h": 3600}


class Clock(Protocol):
    """What time it is, and how to wait."""

    def now_s(self) -> float:
        """Seconds since 1970."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let so much time go by."""
        ...


class SystemClock:
    """The machine's."""

    def now_s(self) -> float:
        """Seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Let so much time go by; Ctrl-C ends it."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast records are released.

    Attributes:
        live: what the shop has published up to now is released at once, the rest when its time comes.
        speed: how much faster the shop's time goes than the world's; None to release without waiting for any time.
        per_s: most records a second; None for no limit.
    """

    live: bool = False
    speed: float | None = None
    per_s: float | None = None


async def paced(
    windows: Iterable[shopsim.EncodedWindow], pace: Pace, clock: Clock
) -> AsyncGenerator[shopsim.EncodedWindow, None]:
    """The same records in the same order, in parts, each when it is due."""
    if pace == Pace():
        for window in windows:
            yield window
        return
    timetable = _Timetable(pace)
    next_s = -math.inf
    for window in windows:
        published_ms = window.rows["published_at_ms"].to_numpy()
        start = 0
        while start < len(published_ms):
            await _until(clock, next_s)
            now_s = clock.now_s()
            due_ms = timetable.due_ms(now_s, int(published_ms[start]))
            due = int(np.searchsorted(published_ms, due_ms, side="right")) - start
            if due <= 0:
                await clock.sleep(timetable.wait_s(due_ms, int(published_ms[start])))
                continue
            part = window.part(start, due if pace.per_s is None else min(due, math.ceil(pace.per_s * TICK_S)))
            yield part
            start += part.rows.height
            # Nothing more is due now, unless it is in the next window: a moment later it is worth looking again.
            waiting = part.rows.height == due and start < len(published_ms)
            next_s = now_s + max(TICK_S if waiting else 0.0, part.rows.height / (pace.per_s or math.inf))


class _Timetable:
    """Up to which of the shop's time records are due. Mutable: it remembers where its time began to run."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._speed = 1.0 if pace.live and pace.speed is None else pace.speed
        self._began: tuple[int, float] | None = None

    def due_ms(self, now_s: float, upcoming_ms: int) -> float:
        """The shop's time now, UTC milliseconds; `upcoming_ms` is that of the next record."""
        if self._speed is None:
            return math.inf
        # What is past does not set the clock going, and at a speed of 1 a live shop's time is the world's.
        if self._pace.live and (self._speed == 1 or (self._began is None and upcoming_ms <= now_s * 1000)):
            return now_s * 1000
        if self._began is None:
            self._began = (upcoming_ms, now_s)
        begin_ms, begin_s = self._began
        return begin_ms + (now_s - begin_s) * 1000 * self._speed

    def wait_s(self, due_ms: float, upcoming_ms: int) -> float:
        """How long to wait for the next record, a nap's length at most."""
        return min(LONGEST_NAP_S, max(0.001, (upcoming_ms - due_ms) / 1000 / (self._speed or 1)))


async def _until(clock: Clock, then_s: float) -> None:
    while (left := then_s - clock.now_s()) > 0:
        await clock.sleep(min(left, LONGEST_NAP_S))


def parse_rate(text: str) -> float | None:
    """Records a second from `2000/s`, `90/min`, `50000/h` or `2000`; None for `max`.

    Raises:
        UsageError: none of these.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(?:/(s|min|h))?", text.strip())
    if match and float(match[1]) > 0:
        return float(match[1]) / _UNITS[match[2] or "s"]
    if text.strip() == "max":
        return None
    raise UsageError(f"--rate: expected a rate such as 2000/s, 90/min or max, found `{text}`")


def parse_speed(text: str) -> float:
    """How much faster than the world's time, from `60x` or `60`.

    Raises:
        UsageError: neither.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)x?", text.strip())
    if match and 0 < float(match[1]) <= 1_000_000:
        return float(match[1])
    raise UsageError(f"--speed: expected a speed such as 60x, found `{text}`")
