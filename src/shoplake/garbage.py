"""How often Python looks for garbage in cycles, in processes that hold many records."""

from __future__ import annotations

import gc


def collect_rarely() -> None:
    """Look for cycles a hundred times less often than Python would.

    A batch is tens of thousands of records, all alive and in no cycle, and with Python's own thresholds two fifths of
    the time that it takes to read one go into walking through them again and again.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
