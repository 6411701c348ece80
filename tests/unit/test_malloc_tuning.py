"""What a process frees goes back to the system."""

from __future__ import annotations

import subprocess
import sys

ARROW = "import pyarrow; print(pyarrow.default_memory_pool().backend_name)"
# Each thread frees a block, below another that stays in use; what is kept of it shows as resident.
FREED_BY_THREADS = """
import threading
from pathlib import Path

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20

def work():
    first = bytearray(31 << 20)  # once this is free, glibc keeps smaller ones in the thread's arena, if it may choose
    del first
    blocks = [bytearray(b"x" * (24 << 20)) for _ in range(2)]
    del blocks[0]
    done.wait()
    kept.append(blocks)

before, kept, done = resident(), [], threading.Barrier(9)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
done.wait()
print(resident() - before)
"""


def printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def kept(code: str) -> str:
    return printed(f"from shoplake.malloc_tuning import return_freed_memory\nreturn_freed_memory()\n{code}")


def test_arrow_leaves_memory_to_the_system() -> None:
    assert kept(ARROW) == "system"


def test_memory_freed_by_threads_returns_to_the_system() -> None:
    alive_mb = 8 * 24
    assert alive_mb <= int(kept(FREED_BY_THREADS)) < alive_mb * 1.5 < int(printed(FREED_BY_THREADS))
