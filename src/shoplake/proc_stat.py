"""What the kernel says of a process, beside what Python's own modules tell."""

from __future__ import annotations

from pathlib import Path


def stat_fields(pid: int) -> list[str] | None:
    """Fields 3 and following of proc_pid_stat(5): the name before them may hold spaces. None when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def start_time(pid: int) -> int | None:
    """In ticks since boot; with the pid it names a process for ever.

    None when there is no such process, or only a zombie of which every thread has ended (they may hold ports).
    """
    fields = stat_fields(pid)
    if fields is None or fields[0] == "X" or (fields[0] == "Z" and int(fields[17]) <= 1):
        return None
    return int(fields[19])
