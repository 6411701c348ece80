"""Times as commands show them: in the reader's zone on a terminal, in UTC in JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# A day within what `datetime` holds, so that each time zone has them too.
_FIRST_MS = int((datetime.min.replace(tzinfo=UTC) + timedelta(days=1)).timestamp() * 1000)
_LAST_MS = int((datetime.max.replace(tzinfo=UTC) - timedelta(days=1)).timestamp() * 1000)


def utc(ms: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC, for JSON; as their number where no calendar has them.

    A record's time is what its producer wrote, which may be any 64 bits.
    """
    if not _FIRST_MS <= ms <= _LAST_MS:
        return f"{ms} ms"
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local(ms: int) -> str:
    """Milliseconds since 1970 in the reader's zone (`TZ`), which is named, for the terminal."""
    if not _FIRST_MS <= ms <= _LAST_MS:
        return f"{ms} ms"
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
