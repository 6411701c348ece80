"""The current rate of a growing count, over a sliding window: it is 0 when nothing arrives."""

from __future__ import annotations

from collections import deque

WINDOW_S = 10.0
SHORTEST_S = 1.0
"""The shortest time to divide by: a few microseconds would give billions per second."""


class Rate:
    """A sliding window over a count that only grows. Mutable. Times are from a monotonic clock."""

    def __init__(self, now_s: float, total: int = 0) -> None:
        self._samples = deque([(now_s, total)])

    def add(self, now_s: float, total: int) -> None:
        """Add a sample of the count."""
        self._samples.append((now_s, total))
        self._forget(now_s)

    def per_s(self, now_s: float) -> float:
        """Growth per second over the last `WINDOW_S`, or since the first sample."""
        self._forget(now_s)
        begin_s, begin = self._samples[0]
        return (self._samples[-1][1] - begin) / max(SHORTEST_S, now_s - max(begin_s, now_s - WINDOW_S))

    def _forget(self, now_s: float) -> None:
        """Remove samples from before the window, except the last one: it is the count at the start of the window."""
        while len(self._samples) > 1 and self._samples[1][0] <= now_s - WINDOW_S:
            self._samples.popleft()
