"""Stores that change one item at a time: fold only what an item has not folded, write only where it has not moved.

Each item carries `folded`, the last offset it has folded per source partition, and `rev`, a number that every write
raises. A batch reads the items it touches, folds the events that are newer than each item's own offsets, and writes
on the condition that `rev` is still the one that was read. So a replay changes nothing, wherever it starts, and of
two writers one has to read again.

A rebuild begins a new filling of the store, and deletes nothing at first: an item of an earlier filling counts as not
there, and is replaced by what the first event makes of it. Were the items deleted, a zombie could put one back, with
the offsets of its own batch and nothing of what came before. As it is, what a zombie writes is of its own filling.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import polars as pl

from shoplake.backoff import jittered
from shoplake.errors import Backpressure, Fenced
from shoplake.sinks.base import Batch, Checkpoint, Ownership, TopicPartition
from shoplake.sinks.rebuildable import RebuildableSink

Key: TypeAlias = tuple[str, ...]
Item: TypeAlias = dict[str, Any]
T = TypeVar("T")

# Each attempt writes what the one before could not; more than a few mean a writer that does not own the partition.
ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Part:
    """What one topic's events say of the items of one collection.

    Attributes:
        collection: table or collection, by its role (`sessions`).
        topic: where the events come from.
        keys: columns that name an item, in the order of the store's key.
        changes: events of one or more items -> one row per item: `keys` and what `merge` needs.
        merge: item as it is, and its row of `changes` -> nothing; changes the item's own fields in place.
    """

    collection: str
    topic: str
    keys: tuple[str, ...]
    changes: Callable[[pl.DataFrame], pl.DataFrame]
    merge: Callable[[Item, Mapping[str, Any]], None]


class KeyedSink(RebuildableSink):
    """The loop that DynamoDB and MongoDB share; a store adds how it reads, writes and keeps checkpoints.

    Attributes:
        generation: number of the filling that `open` found; what is of another one is not ours to change.
    """

    parts: tuple[Part, ...]
    generation = 0

    @abstractmethod
    async def read(self, collection: str, keys: Sequence[Key]) -> dict[Key, Item]:
        """The items that exist, consistently read."""

    @abstractmethod
    async def write(self, collection: str, items: Mapping[Key, Item]) -> bool:
        """Write each item where the stored `rev` is `item["rev"] - 1` (absent for 1); True when all were written."""

    @abstractmethod
    async def advance(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> None:
        """Store next offsets where the epoch is still the given one, and the filling is still ours.

        Raises:
            Fenced: a newer owner holds one of the partitions.
        """

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Fold into the items, then move the checkpoints.

        The checkpoint follows the data, so a crash between the two repeats a batch, and each item passes over it.
        An item cannot see a gap, and would hold what follows one for ever: so the checkpoint is asked before.
        Where one collection is slow, the topics that do not go there go on.
        """
        fresh = batch.fresh(self.name, await self.checkpoints(batch.ranges), owner)
        slow: dict[str, Backpressure] = {}
        for part in self.parts:
            events = fresh.events.get(part.topic)
            if events is not None and not events.is_empty() and part.topic not in slow:
                try:
                    await self._apply_part(part, events)
                except Backpressure as asked:
                    slow[part.topic] = asked
        moved = {p: read for p, read in fresh.ranges.items() if p.topic not in slow}
        await self.advance({p: Checkpoint(read.stop, owner[p]) for p, read in moved.items()})
        if slow:
            raise Backpressure(
                "; ".join(str(asked) for asked in slow.values()),
                retry_after_s=max(asked.retry_after_s for asked in slow.values()),
                partitions=frozenset(fresh.ranges.keys() - moved.keys()),
            )

    async def _apply_part(self, part: Part, events: pl.DataFrame) -> None:
        events = events.filter(pl.all_horizontal(pl.col(k).is_not_null() for k in part.keys))
        for attempt in range(ATTEMPTS):
            if events.is_empty():
                return
            if attempt:
                await asyncio.sleep(jittered(min(0.5, 0.02 * 2**attempt)))  # others write these items too
            keys = events.select(part.keys).unique(maintain_order=True).rows()
            stored = self._of_this_filling(await self.read(part.collection, keys))
            events = newer(events, part, stored)
            items = fold_items(events, part, stored)
            if self.generation:
                items = {key: item | {"generation": self.generation} for key, item in items.items()}
            if await self.write(part.collection, items):
                return
        raise Backpressure(
            f"{self.name}: items of {part.collection} kept moving through {ATTEMPTS} attempts", retry_after_s=1.0
        )

    def _of_this_filling(self, stored: Mapping[Key, Item]) -> dict[Key, Item]:
        """Items as the fold should see them: of one that an earlier filling wrote, nothing but its `rev`."""
        seen = {}
        for key, item in stored.items():
            written_in = item.get("generation", 0)
            if written_in > self.generation:
                raise Fenced(f"{self.name}: the store is being rebuilt; this is filling {self.generation} of it")
            seen[key] = item if written_in == self.generation else {"folded": {}, "rev": item["rev"]}
        return seen


def newer(events: pl.DataFrame, part: Part, stored: Mapping[Key, Item]) -> pl.DataFrame:
    """The events that their item has not folded yet. Pure."""
    prefix = f"{part.topic}-"
    folded = [
        (*key, int(source.removeprefix(prefix)), int(offset))
        for key, item in stored.items()
        for source, offset in item["folded"].items()
        if source.startswith(prefix)
    ]
    if not folded:
        return events
    schema = dict.fromkeys(part.keys, pl.String) | {"partition": pl.Int32, "folded": pl.Int64}
    done = pl.DataFrame(folded, schema=schema, orient="row")
    joined = events.join(done, on=[*part.keys, "partition"], how="left", maintain_order="left")
    return joined.filter(pl.col("offset") > pl.col("folded").fill_null(-1)).drop("folded")


def fold_items(events: pl.DataFrame, part: Part, stored: Mapping[Key, Item]) -> dict[Key, Item]:
    """Items as they are after these events, `rev` raised by one. Pure: `stored` is not changed."""
    if events.is_empty():
        return {}
    sources = events.group_by(*part.keys, "partition").agg(pl.col("offset").max())
    offsets: dict[Key, dict[str, int]] = {}
    for row in sources.rows():
        offsets.setdefault(row[:-2], {})[f"{part.topic}-{row[-2]}"] = row[-1]
    items: dict[Key, Item] = {}
    for row_of_item in part.changes(events).iter_rows(named=True):
        key = tuple(row_of_item[k] for k in part.keys)
        known = stored.get(key, {"folded": {}, "rev": 0})
        item = {name: _copy(value) for name, value in known.items()}
        part.merge(item, row_of_item)
        item["folded"] |= offsets[key]
        item["rev"] += 1
        items[key] = item
    return items


def set_present(item: Item, row: Mapping[str, Any], names: Iterable[str]) -> None:
    """Take over the named values that are not null."""
    for name in names:
        if row[name] is not None:
            item[name] = row[name]


def told(collection: str, items: Iterable[tuple[Key, Item]], limit: int = 3) -> str:
    """Some items for an error message: collection, key, and per partition the offset of the last event in them."""
    shown = [
        f"{collection} {'/'.join(map(str, key))} (events up to "
        f"{', '.join(f'{partition} offset {offset}' for partition, offset in sorted(item.get('folded', {}).items()))})"
        for key, item in items
    ]
    more = f" and {len(shown) - limit:,} more" if len(shown) > limit else ""
    return ", ".join(shown[:limit]) + more


def chunks(values: Sequence[T], size: int) -> list[Sequence[T]]:
    """The values in order, at most `size` at a time."""
    return [values[first : first + size] for first in range(0, len(values), size)]


def _copy(value: Any) -> Any:  # noqa: ANN401 - whatever a store holds
    return {k: _copy(v) for k, v in value.items()} if isinstance(value, dict) else value
