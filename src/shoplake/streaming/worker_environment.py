"""Environment variables that limit the memory and threads of a worker process. Libraries read them at process start."""

from __future__ import annotations

import os

from shoplake import malloc_tuning

ENVIRONMENT = {
    # Workers share the cores, so one thread each is enough: with more, polars' NDJSON reader takes 50 % more CPU time.
    "POLARS_MAX_THREADS": "1",
    # Return freed memory to the operating system; Arrow's own allocator keeps even more of it than glibc. A worker of
    # the lake, which writes in threads, used at most 558 MB without these settings and 425 MB with them, for 20 % more
    # CPU time. Lower thresholds cost more.
    "MALLOC_ARENA_MAX": str(malloc_tuning.ARENAS),
    "MALLOC_MMAP_THRESHOLD_": str(malloc_tuning.MMAP_THRESHOLD_BYTES),
    "MALLOC_TRIM_THRESHOLD_": str(malloc_tuning.TRIM_THRESHOLD_BYTES),
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


def environment() -> dict[str, str]:
    """The environment of a worker: the one of this process, with `ENVIRONMENT` as defaults."""
    return ENVIRONMENT | os.environ
