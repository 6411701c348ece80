"""Tune memory allocators of processes that use much memory for a short time."""

from __future__ import annotations

import contextlib
import ctypes

# By default glibc has an arena per thread, and raises its thresholds after a large block was freed.
ARENAS = 2
MMAP_THRESHOLD_BYTES = 4 * 1024 * 1024
TRIM_THRESHOLD_BYTES = 16 * 1024 * 1024
# <malloc.h>
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8


def return_freed_memory() -> None:
    """Make glibc and Arrow return freed memory to the operating system; no effect on other C libraries."""
    import pyarrow as pa  # 0.2 s to import, and not every command needs it

    pa.set_memory_pool(pa.system_memory_pool())
    with contextlib.suppress(AttributeError):  # not glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_ARENA_MAX, ARENAS)
        mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
        mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES)
