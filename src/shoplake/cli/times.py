"""Times as commands show them: in the reader's zone on a terminal, in UTC in JSON."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC, for JSON."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local(ms: int) -> str:
    """Milliseconds since 1970 in the reader's zone (`TZ`), which is named, for the terminal."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
