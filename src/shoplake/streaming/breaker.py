"""A circuit breaker for calls to a store. It decides; the caller sleeps and calls."""

from __future__ import annotations

from typing import Literal

from shoplake.backoff import Backoff

FAILURES_TO_OPEN = 3


class Breaker:
    """A circuit breaker for one store.

    Closed: calls go through, and a short pause follows each failure. After three failures in a row it opens: the store
    is not called during a longer pause. Then it is half-open: a cheap call has to succeed first, then the work itself;
    after that it is closed again.
    """

    def __init__(self, backoff: Backoff | None = None) -> None:
        self._backoff = backoff or Backoff()
        self.state: Literal["closed", "open", "half-open"] = "closed"

    def failed(self) -> float | None:
        """Count a failure and return the pause before the next call; None after too long an outage."""
        pause_s = self._backoff.pause_s()
        if self._backoff.failures >= FAILURES_TO_OPEN:
            self.state = "open"
        return pause_s

    def rested(self) -> None:
        """Record the end of a pause."""
        if self.state == "open":
            self.state = "half-open"

    def succeeded(self) -> None:
        """Record a successful call."""
        self._backoff.reset()
        self.state = "closed"
