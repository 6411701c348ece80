"""How often Python looks for garbage in cycles, in processes that hold many items."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Look for cycles a hundred times less often than Python would.

    A batch becomes tens of thousands of rows and items, all alive and in no cycle, and with Python's own thresholds
    half of the time that it takes to fold one goes into walking through them again and again.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
