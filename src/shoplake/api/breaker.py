"""A circuit breaker for requests: while a store does not answer, requests fail at once instead of waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES_TO_OPEN = 3
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 15.0


class CircuitBreaker:
    """The breaker of one store, for one event loop. It decides; the caller calls.

    Closed: all calls go through. After three failures in a row it opens: calls are refused during a pause that doubles
    with each failure, up to 15 s. Then one call is let through. If it succeeds, the breaker is closed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._refuses_until = 0.0
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Whether the last calls failed."""
        return self._failures >= FAILURES_TO_OPEN

    def refusal_s(self) -> float | None:
        """None: the call may go through, and must be followed by `succeeded` or `failed`. Else: ask after so long."""
        if not self.is_open:
            return None
        left_s = self._refuses_until - self._clock()
        if left_s > 0 or self._trying:
            return max(left_s, FIRST_PAUSE_S)
        self._trying = True
        return None

    def succeeded(self) -> None:
        """Record that a call was answered."""
        self._failures, self._trying = 0, False

    def failed(self) -> float:
        """Record that a call was not answered. Returns the seconds after which to ask again."""
        self._trying = False
        self._failures = min(self._failures + 1, FAILURES_TO_OPEN + 10)
        pause_s: float = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** max(0, self._failures - FAILURES_TO_OPEN))
        if self.is_open:
            self._refuses_until = self._clock() + pause_s
        return pause_s

    def abandoned(self) -> None:
        """Record that a call ended without telling anything of the store, for example by a cancellation."""
        self._trying = False
