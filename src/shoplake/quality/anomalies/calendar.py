"""Reads the shop's calendar: the hours in which unusual traffic is expected."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

from shoplake.errors import UsageError
from shoplake.quality.anomalies.detector import Announced

COLUMNS = ("start", "end")


def read(file: Path) -> list[Announced]:
    """Read a CSV file with the columns `start` and `end`: days or times (ISO 8601, UTC); other columns are ignored.

    A day as `end` is included, a time is excluded; both are rounded to full hours outwards.

    Raises:
        UsageError: the file cannot be read, lacks a column, or has a value that is no time.
    """
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
            if missing:
                raise UsageError(
                    f"{file}: expected the columns start and end, found no {missing[0]}",
                    fix="the first line has the names of the columns: start,end,name",
                )
            return [_announced(file, number, row) for number, row in enumerate(reader, 2)]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} could not be read: {error}", fix="name a CSV file in UTF-8") from error


def _announced(file: Path, line: int, row: dict[str, str]) -> Announced:
    start, end = (_time(file, line, row[name] or "") for name in COLUMNS)
    if len((row["end"] or "").strip()) == len("2026-11-27"):
        end += dt.timedelta(days=1)
    if end <= start:
        raise UsageError(f"{file}, line {line}: expected an end after the start", fix="exchange them")
    return Announced(int(start.timestamp()) // 3600, -int(-end.timestamp() // 3600))


def _time(file: Path, line: int, text: str) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(
            f"{file}, line {line}: expected a day or a time, found '{text}'", fix="write 2026-11-27 or 2026-11-27T18:00"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
