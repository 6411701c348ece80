"""Tune Python's garbage collector for processes that hold many objects."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Search for reference cycles a hundred times less often than Python does by default.

    A batch becomes tens of thousands of rows and items. All are alive, and none is in a cycle. With Python's default
    thresholds, half of the time of aggregating a batch is spent on searching them for cycles.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
