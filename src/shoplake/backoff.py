"""Exponential backoff with jitter and a deadline. It computes pauses; the caller sleeps."""

from __future__ import annotations

import random
import time

# A restart of a broker or a database takes seconds, a fail-over a minute or two.
LIMIT_S = 300.0


class Backoff:
    """Computes the pause after each consecutive failure.

    Attributes:
        failures: number of failures since the last success.
    """

    def __init__(self, limit_s: float = LIMIT_S, *, first_s: float = 0.2, longest_s: float = 10.0) -> None:
        self._limit_s = limit_s
        self._first_s = first_s
        self._longest_s = longest_s
        self._since: float | None = None
        self.failures = 0

    def pause_s(self) -> float | None:
        """Count one more failure and return the pause before the next attempt; None if the deadline has passed."""
        if self._since is None:
            self._since = time.monotonic()
        if time.monotonic() - self._since >= self._limit_s:
            return None
        self.failures += 1
        return jittered(min(self._longest_s, self._first_s * 2 ** min(self.failures - 1, 30)))

    def reset(self) -> None:
        """Record a success: earlier failures no longer count."""
        self._since = None
        self.failures = 0


def jittered(seconds: float) -> float:
    """A random time between half of `seconds` and all of it, so that processes do not retry at the same moment."""
    return seconds * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret
