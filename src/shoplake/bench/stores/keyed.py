"""The items that a keyed sink would write, batch by batch, folded without a store. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from shoplake.sinks.keyed import Item, Key, Part, fold_items

if TYPE_CHECKING:
    from shoplake.sinks.base import Batch


def writes(parts: Sequence[Part], batches: Sequence[Batch]) -> Iterator[tuple[str, Mapping[Key, Item]]]:
    """Collection and items of each write of each batch, in order; an item is as it is after the batch."""
    stored: dict[str, dict[Key, Item]] = {part.collection: {} for part in parts}
    for batch in batches:
        for part in parts:
            if (events := batch.events.get(part.topic)) is None:
                continue
            events = events.filter(pl.all_horizontal(pl.col(key).is_not_null() for key in part.keys))
            if items := fold_items(events, part, stored[part.collection]):
                stored[part.collection] |= items
                yield part.collection, items
