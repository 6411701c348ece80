"""What keeps a worker small. Libraries read these when a process starts, so that nothing in it could set them."""

from __future__ import annotations

import os

from shoplake import malloc_tuning

ENVIRONMENT = {
    # Workers are what shares out the cores: with more threads, polars' NDJSON reader takes half as much CPU time again.
    "POLARS_MAX_THREADS": "1",
    # What batches took is given back; Arrow's own allocator keeps even more than glibc. A worker of the lake, which
    # writes in threads, had 558 MB at most without these and 425 MB with them, for a fifth more processor time. Lower
    # thresholds cost more.
    "MALLOC_ARENA_MAX": str(malloc_tuning.ARENAS),
    "MALLOC_MMAP_THRESHOLD_": str(malloc_tuning.MMAP_THRESHOLD_BYTES),
    "MALLOC_TRIM_THRESHOLD_": str(malloc_tuning.TRIM_THRESHOLD_BYTES),
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


def environment() -> dict[str, str]:
    """The environment of this process for a worker; what is set already stays."""
    return ENVIRONMENT | os.environ
