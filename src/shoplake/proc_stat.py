"""Read the state and start time of a process from /proc."""

from __future__ import annotations

from pathlib import Path


def stat_fields(pid: int) -> list[str] | None:
    """Fields 3 and following of proc_pid_stat(5); the name before them may hold spaces. None if there is no process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def start_time(pid: int) -> int | None:
    """Start time of a process in ticks since boot; together with the pid it identifies a process uniquely.

    None if there is no such process, or only a zombie whose threads have all ended (a running thread may hold ports).
    """
    fields = stat_fields(pid)
    if fields is None or fields[0] == "X" or (fields[0] == "Z" and int(fields[17]) <= 1):
        return None
    return int(fields[19])
