"""Bare PyIceberg: the same Arrow tables, appended. As many topics at once as in the sink, on PyIceberg's threads."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyiceberg.exceptions import NoSuchNamespaceError

from shoplake.contract import TOPICS
from shoplake.sinks.blocking_calls import in_parallel
from shoplake.sinks.lake.sink import to_arrow
from shoplake.sinks.lake.tables import create_table, open_catalog

if TYPE_CHECKING:
    from shoplake.bench.stopwatch import Stopwatch
    from shoplake.settings import Settings
    from shoplake.sinks.base import Batch


def empty(settings: Settings) -> None:
    """Drop the tables; their files are in nobody's way."""
    catalog = open_catalog(settings)
    with contextlib.suppress(NoSuchNamespaceError):
        for identifier in catalog.list_tables(settings.lake.database):
            catalog.drop_table(identifier)


async def write(settings: Settings, batches: Sequence[Batch], watch: Stopwatch) -> None:
    """One append per topic and batch."""
    catalog = open_catalog(settings)
    tables = {name: create_table(catalog, settings.lake.database, topic) for name, topic in TOPICS.items()}
    work = [
        [(tables[topic], to_arrow(topic, events)) for topic, events in batch.events.items() if len(events)]
        for batch in batches
    ]
    watch.start()
    for appends in work:
        await in_parallel(lambda one: one[0].append(one[1]), appends)
    watch.stop()
