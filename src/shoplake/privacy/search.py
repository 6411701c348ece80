"""Where a value occurs: columns of every dataset, and records of every topic. The value itself is never shown."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoplake.errors import UsageError
from shoplake.map import project
from shoplake.privacy import log_search
from shoplake.privacy.data_map import WITHOUT_ROWS
from shoplake.quality import run, workspace

if TYPE_CHECKING:
    from shoplake.quality.workspace import Workspace
    from shoplake.settings import Settings

SHORTEST = 3
"""Characters. A shorter text is nearly everywhere."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A column, or a topic, that has the text; and how many of its rows or records do."""

    where: str
    count: int


def occurrences(
    settings: Settings, environment: str, text: str, progress: Callable[[str], None] = lambda _: None
) -> list[Occurrence]:
    """Look for a text as a part of any value, with its case. The stores are only read.

    Raises:
        UsageError: the text is too short or too common.
        MissingExtra: the extra `catalog` is not installed.
        StoreUnavailable, StackError, LogUnavailable: a store does not answer; what is left out would not be seen.
    """
    if len(text) < SHORTEST:
        raise UsageError(f"expected at least {SHORTEST} characters, found {len(text)}", fix="give a longer text")
    records = asyncio.run(log_search.containing(settings.kafka, [text]))
    found = [Occurrence(f"kafka.{topic}", count) for topic, count in Counter(one.topic for one in records).items()]
    progress(f"kafka: {len(records):,} records")
    systems = dict.fromkeys(one.system for one in project.graph().datasets.values() if one.system not in WITHOUT_ROWS)
    with workspace.opened(settings, environment, progress) as opened:
        for system in systems:
            if run.is_made(system, environment):
                found += _in_system(opened, system, text)
    return found


def _in_system(opened: Workspace, system: str, text: str) -> Iterator[Occurrence]:
    for name in opened.read(system):
        table = opened.table(f"{system}.{name}")
        counts = ", ".join(f'count_if(contains("{column}"::VARCHAR, $text))' for column in table.columns)
        (row,) = opened.connection.execute(f"SELECT {counts} FROM {table.sql}", {"text": text}).fetchall()  # noqa: S608
        for column, count in zip(table.columns, row, strict=True):
            if count:
                yield Occurrence(f"{table.name}.{column}", count)
