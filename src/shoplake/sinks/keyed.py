"""The common part of sinks for stores without multi-item transactions: conditional writes of single items.

Each item has `folded`, the last applied offset of each source partition, and `rev`, a revision that every write raises.
A batch reads the items of its keys, applies the events after each item's own offsets, and writes on the condition that
`rev` has not changed since the read. So a repeated batch changes nothing, and of two concurrent writers one has to read
again.

A rebuild begins a new filling of the store, and deletes nothing at first: an item of an earlier filling counts as not
there, and is replaced by what the first event makes of it. Were the items deleted, a zombie could put one back, with
the offsets of its own batch and nothing of what came before. As it is, what a zombie writes is of its own filling.

Somebody may have removed or changed an item's bookkeeping. While a rebuild fills the store, such an item of an
earlier filling is replaced like the others. In a store that is whole it is damage, and the sink stops: what the item
has folded is not known.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeGuard, TypeVar

import polars as pl

from shoplake.backoff import jittered
from shoplake.errors import Backpressure, Fenced, StoreDamaged
from shoplake.sinks.base import Batch, Checkpoint, Ownership, TopicPartition
from shoplake.sinks.rebuildable import Filling, RebuildableSink
from shoplake.sinks.stored_checkpoints import is_intact, must_be_replaced

Key: TypeAlias = tuple[str, ...]
Item: TypeAlias = dict[str, Any]
T = TypeVar("T")

# Each attempt writes what the one before could not; more than a few mean a writer that does not own the partition.
ATTEMPTS = 8
# Far more writes than one item gets, and a number that every store adds one to.
REV_LIMIT = 2**62
UNREADABLE = (TypeError, ValueError, AttributeError, KeyError)


@dataclass(frozen=True, slots=True)
class Part:
    """How the events of one topic change the items of one collection.

    Attributes:
        collection: table or collection, by its role (`sessions`).
        topic: topic of the events.
        keys: columns that identify an item, in the order of the store's key.
        changes: aggregates events to one row per item, with `keys` and the columns that `merge` needs.
        merge: applies a row of `changes` to the current item, in place.
    """

    collection: str
    topic: str
    keys: tuple[str, ...]
    changes: Callable[[pl.DataFrame], pl.DataFrame]
    merge: Callable[[Item, Mapping[str, Any]], None]


class KeyedSink(RebuildableSink):
    """The loop that DynamoDB and MongoDB share; a store adds how it reads, writes and keeps checkpoints.

    Attributes:
        generation: number of the filling that `open` found.
    """

    parts: tuple[Part, ...]
    generation = 0

    @abstractmethod
    async def read(self, collection: str, keys: Sequence[Key]) -> dict[Key, Item]:
        """Read the items that exist, with strong consistency."""

    @abstractmethod
    async def write(self, collection: str, items: Mapping[Key, Item]) -> bool:
        """Write each item where the stored `rev` is `item["rev"] - 1` (absent for 1); True when all were written."""

    @abstractmethod
    async def discard(self, collection: str, items: Mapping[Key, Item], unchanged: str = "rev") -> None:
        """Delete each item whose stored field `unchanged` is exactly that of the given item, or absent as there.

        For items whose bookkeeping cannot be read. Every write of a sink stores one that can, so none is lost.
        """

    @abstractmethod
    async def advance(self, checkpoints: Mapping[TopicPartition, Checkpoint]) -> None:
        """Store next offsets where the epoch is still the given one, and the filling is still ours.

        Raises:
            Fenced: a newer owner holds one of the partitions.
        """

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Apply the events to the items, then advance the checkpoints.

        The checkpoint is written after the data. After a crash in between, the batch is repeated, and each item ignores
        the events that it has applied. An item cannot detect a gap in the offsets, so the checkpoint is checked first.
        If one collection is slow, topics that do not use it continue.
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

    async def remove_damaged_checkpoints(self, partitions: Iterable[TopicPartition]) -> None:
        """Remove the checkpoints that no sink wrote, if a rebuild fills the store. `open` calls it first.

        Raises:
            StoreDamaged: there is one, and no rebuild fills the store.
            StoreUnavailable: the store did not answer, or a rebuild has begun since.
        """
        by_key: dict[Key, TopicPartition] = {(str(partition),): partition for partition in partitions}
        rows = await self.read("checkpoints", list(by_key))
        foreign = {key: row for key, row in rows.items() if not is_intact(row, self.generation)}
        if not foreign:
            return
        # Read after the rows: a row of a rebuild that has begun meanwhile is not damaged.
        now = await self.filling()
        replaced = {
            key: row
            for key, row in foreign.items()
            if must_be_replaced(self.name, by_key[key], row, self.generation, now)
        }
        await self.discard("checkpoints", replaced, unchanged="epoch")

    async def _apply_part(self, part: Part, events: pl.DataFrame) -> None:
        events = events.filter(pl.all_horizontal(pl.col(k).is_not_null() for k in part.keys))
        for attempt in range(ATTEMPTS):
            if events.is_empty():
                return
            if attempt:
                await asyncio.sleep(jittered(min(0.5, 0.02 * 2**attempt)))  # others write these items too
            keys = events.select(part.keys).unique(maintain_order=True).rows()
            stored = await self._of_this_filling(part.collection, await self.read(part.collection, keys))
            events = newer(events, part, stored)
            items = fold_items(events, part, stored)
            if self.generation:
                items = {key: item | {"generation": self.generation} for key, item in items.items()}
            if await self.write(part.collection, items):
                return
        raise Backpressure(
            f"{self.name}: items of {part.collection} kept moving through {ATTEMPTS} attempts", retry_after_s=1.0
        )

    async def _of_this_filling(self, collection: str, found: Mapping[Key, Item]) -> dict[Key, Item]:
        """Items as the fold should see them: of one that another filling wrote, nothing but its `rev`.

        Raises:
            Fenced: a rebuild has begun since `open`.
            StoreDamaged: an item has no valid bookkeeping, and no rebuild replaces it.
        """
        ours = {key: item for key, item in found.items() if _is_valid(item, self.generation)}
        others = {key: item for key, item in found.items() if key not in ours}
        if not others:
            return ours
        filling = await self._own_filling()
        if filling.state == "whole":
            # Read again: what was read before the rebuild ended may have been removed by it.
            others = await self.read(collection, list(others))
            ours |= {key: item for key, item in others.items() if _is_valid(item, self.generation)}
            others = {key: item for key, item in others.items() if key not in ours}
        if damaged := _damaged(others, filling):
            await self._own_filling()  # an item of a rebuild that began meanwhile is none of the damaged
            raise self._damage(collection, damaged, filling)
        unreadable = {key: item for key, item in others.items() if not _has_rev(item)}
        if unreadable:
            await self.discard(collection, unreadable)
        replaced: dict[Key, Item] = {
            key: {"folded": {}, "rev": item["rev"]} for key, item in others.items() if _has_rev(item)
        }
        return ours | replaced

    async def _own_filling(self) -> Filling:
        filling = await self.filling()
        if filling.number != self.generation:
            raise Fenced(f"{self.name}: the store is being rebuilt; this is filling {self.generation} of it")
        return filling

    def _damage(self, collection: str, keys: Sequence[Key], filling: Filling) -> StoreDamaged:
        shown = ", ".join("/".join(key) for key in keys[:3])
        more = f" and {len(keys) - 3:,} more" if len(keys) > 3 else ""
        again = "" if filling.state == "whole" else " --restart"
        return StoreDamaged(
            f"{self.name}: {collection}: {shown}{more}: expected the bookkeeping of a sink (`rev`, `folded`, and "
            "`generation` after a rebuild), found it removed or changed; nothing was written to the item",
            fix=f"`shoplake rebuild {self.name}{again}` fills the store anew",
        )


def _damaged(others: Mapping[Key, Item], filling: Filling) -> list[Key]:
    """Of items that are no valid ones of the current filling, those that no sink wrote, and no rebuild replaces.

    In a whole store, an item of an earlier filling is one that a zombie made after the rebuild had removed all of
    them: its first write.
    """
    if filling.state == "whole":
        return [key for key, item in others.items() if not _is_first_of_earlier(item, filling.number)]
    return [key for key, item in others.items() if _filling_of(item) == filling.number]


def _is_valid(item: Mapping[str, Any], generation: int) -> bool:
    """Whether an item was written in this filling, and says what it has folded."""
    folded = item.get("folded")
    return (
        _filling_of(item) == generation
        and _has_rev(item)
        and isinstance(folded, dict)
        and all(_is_number(offset) and source.rpartition("-")[2].isdecimal() for source, offset in folded.items())
    )


def _has_rev(item: Mapping[str, Any]) -> bool:
    rev = item.get("rev")
    return _is_number(rev) and 0 < rev < REV_LIMIT


def _filling_of(item: Mapping[str, Any]) -> int | None:
    """The filling that wrote an item; None where that cannot be read."""
    written_in = item.get("generation", 0)
    return int(written_in) if _is_number(written_in) else None


def _is_first_of_earlier(item: Mapping[str, Any], generation: int) -> bool:
    written_in = _filling_of(item)
    return written_in is not None and _is_valid(item, written_in) and written_in < generation and item["rev"] == 1


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def newer(events: pl.DataFrame, part: Part, stored: Mapping[Key, Item]) -> pl.DataFrame:
    """The events that their item has not applied yet. Pure."""
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
    """Items as they are after these events, `rev` raised by one. Pure: `stored` is not changed.

    Raises:
        StoreDamaged: a field of an item has a type that no sink gives it.
    """
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
        try:
            part.merge(item, row_of_item)
        except UNREADABLE as error:
            raise StoreDamaged(
                f"{part.collection}: {'/'.join(key)}: a field is not as a sink writes it: {error}",
                fix="`shoplake verify` names the field, `shoplake rebuild STORE` fills the store anew",
            ) from error
        item["folded"] |= offsets[key]
        item["rev"] += 1
        items[key] = item
    return items


def set_present(item: Item, row: Mapping[str, Any], names: Iterable[str]) -> None:
    """Copy the named values that are not null from the row to the item."""
    for name in names:
        if row[name] is not None:
            item[name] = row[name]


def describe(collection: str, items: Iterable[tuple[Key, Item]], limit: int = 3) -> str:
    """Describe items for an error message: collection, key, and the last applied offset of each partition."""
    shown = [
        f"{collection} {'/'.join(map(str, key))} (events up to "
        f"{', '.join(f'{partition} offset {offset}' for partition, offset in sorted(item.get('folded', {}).items()))})"
        for key, item in items
    ]
    more = f" and {len(shown) - limit:,} more" if len(shown) > limit else ""
    return ", ".join(shown[:limit]) + more


def chunks(values: Sequence[T], size: int) -> list[Sequence[T]]:
    """Split values into chunks of at most `size`, in order."""
    return [values[first : first + size] for first in range(0, len(values), size)]


def _copy(value: Any) -> Any:  # noqa: ANN401 - whatever a store holds
    return {k: _copy(v) for k, v in value.items()} if isinstance(value, dict) else value
