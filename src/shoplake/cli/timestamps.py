"""Format times for output: local time zone on a terminal, UTC in JSON."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

# One day inside the range of `datetime`, so that every time zone can represent them.
_FIRST_MS = int((datetime.min.replace(tzinfo=UTC) + timedelta(days=1)).timestamp() * 1000)
_LAST_MS = int((datetime.max.replace(tzinfo=UTC) - timedelta(days=1)).timestamp() * 1000)


def utc(ms: int) -> str:
    """Format milliseconds since 1970 as ISO 8601 in UTC, for JSON. A value outside the calendar is shown as a number.

    The producer sets the time of a record, so it can be any 64-bit value.
    """
    if not _FIRST_MS <= ms <= _LAST_MS:
        return f"{ms} ms"
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local(ms: int) -> str:
    """Format milliseconds since 1970 in the local time zone (`TZ`) with the zone's name, for the terminal."""
    if not _FIRST_MS <= ms <= _LAST_MS:
        return f"{ms} ms"
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
