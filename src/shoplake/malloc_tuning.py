"""How much freed memory allocators keep, in processes that take much for a while and then something else."""

from __future__ import annotations

import contextlib
import ctypes

# glibc has an arena per thread, and the larger a freed block was, the more it keeps.
ARENAS = 2
MMAP_THRESHOLD_BYTES = 4 * 1024 * 1024
TRIM_THRESHOLD_BYTES = 16 * 1024 * 1024
# <malloc.h>
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8


def keep_little() -> None:
    """Let glibc and Arrow give back what this process frees from now on; other C libraries do as they do."""
    import pyarrow as pa  # takes a fifth of a second, and not every command needs it

    pa.set_memory_pool(pa.system_memory_pool())
    with contextlib.suppress(AttributeError):  # no glibc
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_ARENA_MAX, ARENAS)
        mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
        mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES)
