"""The limit of each store: the same data, written as fast as the store's own client can."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shoplake.bench.stopwatch import Stopwatch
    from shoplake.settings import Settings
    from shoplake.sinks.base import Batch


class BareStore(Protocol):
    """What the bench asks of a store."""

    def empty(self, settings: Settings) -> None:
        """Bring the store to where it was when it was made: nobody else's, all of it goes."""

    async def write(self, settings: Settings, batches: Sequence[Batch], watch: Stopwatch) -> None:
        """Prepare what the batches come to, start the clock, write it without any checkpoint, stop the clock."""


def store(name: str) -> BareStore:
    """The store that the sink of that name fills."""
    return cast(BareStore, import_module(f"shoplake.bench.stores.{name}"))
