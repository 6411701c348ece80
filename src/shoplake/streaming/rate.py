"""How fast a count grows now: over the last seconds, so that it is 0 when nothing comes any more."""

from __future__ import annotations

from collections import deque

WINDOW_S = 10.0
SHORTEST_S = 1.0
"""What came at once came within so much time: a division by microseconds says billions a second."""


class Rate:
    """A sliding window over a count that only grows. Mutable. Times are of a monotonic clock."""

    def __init__(self, now_s: float, total: int = 0) -> None:
        self._samples = deque([(now_s, total)])

    def add(self, now_s: float, total: int) -> None:
        """The count as it is now."""
        self._samples.append((now_s, total))
        self._forget(now_s)

    def per_s(self, now_s: float) -> float:
        """Growth a second over the last `WINDOW_S`, or since the first sample."""
        self._forget(now_s)
        begin_s, begin = self._samples[0]
        return (self._samples[-1][1] - begin) / max(SHORTEST_S, now_s - max(begin_s, now_s - WINDOW_S))

    def _forget(self, now_s: float) -> None:
        """All but one of the samples from before the window: how it stood when the window began."""
        while len(self._samples) > 1 and self._samples[1][0] <= now_s - WINDOW_S:
            self._samples.popleft()
