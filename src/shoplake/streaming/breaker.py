"""Whether a store is to be called or left alone. Decides, never sleeps and never calls."""

from __future__ import annotations

from typing import Literal

from shoplake.backoff import Backoff

FAILURES_TO_OPEN = 3


class Breaker:
    """A circuit breaker for one store.

    Closed, calls go through; failures are counted and followed by short pauses. After a few in a row it opens: the
    store is left alone for longer. Then it is half-open: a cheap call has to succeed before the work is tried again,
    and the work before it is closed.
    """

    def __init__(self, patience: Backoff | None = None) -> None:
        self._patience = patience or Backoff()
        self.state: Literal["closed", "open", "half-open"] = "closed"

    def failed(self) -> float | None:
        """Count a failure: how long to leave the store alone, None when it has been away for too long."""
        pause_s = self._patience.pause_s()
        if self._patience.failures >= FAILURES_TO_OPEN:
            self.state = "open"
        return pause_s

    def rested(self) -> None:
        """The pause is over."""
        if self.state == "open":
            self.state = "half-open"

    def succeeded(self) -> None:
        """The store did its work."""
        self._patience.reset()
        self.state = "closed"
