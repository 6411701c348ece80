"""What keeps a worker small. Libraries read these when a process starts, so that nothing in it could set them."""

from __future__ import annotations

import os

ENVIRONMENT = {
    # Workers are what shares out the cores: with more threads, polars' NDJSON reader takes half as much CPU time again.
    "POLARS_MAX_THREADS": "1",
    # What batches took is given back. glibc has an arena per thread, and the larger a freed block was, the more it
    # keeps; Arrow's own allocator keeps more. A worker of the lake, which writes in threads, had 558 MB at most without
    # these and 425 MB with them, for a fifth more processor time. Lower thresholds cost more.
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(4 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 1024 * 1024),
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


def environment() -> dict[str, str]:
    """The environment of this process for a worker; what is set already stays."""
    return ENVIRONMENT | os.environ
