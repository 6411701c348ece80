"""Reads checkpoints and the state of a rebuild from DynamoDB and MongoDB, where another program may change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from shoplake.errors import StoreDamaged, StoreUnavailable
from shoplake.sinks.base import Checkpoint, TopicPartition
from shoplake.sinks.rebuildable import NAME, STATES, Filling, state_of


def checkpoint_of(store: str, partition: TopicPartition, row: Mapping[str, Any]) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        StoreDamaged: `next_offset` or `epoch` is not a whole number, or missing.
    """
    next_offset, epoch = row.get("next_offset"), row.get("epoch")
    if _is_count(next_offset) and _is_count(epoch):
        return Checkpoint(next_offset, epoch)
    raise _damaged(store, partition, row)


def filling_of(store: str, number: object, state: object) -> Filling:
    """Read the state of a rebuild.

    Raises:
        StoreDamaged: the number is not one, or the state no text.
        SinkError: this release does not know the state.
    """
    if _is_count(number) and isinstance(state, str):
        return Filling(number, state_of(state))
    raise StoreDamaged(
        f"{store}: state of the rebuild ({NAME}): expected a whole number and one of {', '.join(STATES)}, "
        f"found {number!r} and {state!r}",
        fix="write back the number, which is the highest `generation` of the items, and the state `whole`; then run "
        f"`shoplake rebuild {store}`",
    )


def identity_of(store: str, name: str, identity: object) -> str:
    """Read the identity of a topic.

    Raises:
        StoreDamaged: it is not a text, or missing.
    """
    if isinstance(identity, str):
        return identity
    raise StoreDamaged(
        f"{store}: identity of the topic {name}: expected a text, found {identity!r}",
        fix=f"`shoplake rebuild {store}` fills the store anew",
    )


def is_intact(row: Mapping[str, Any], opening: int) -> bool:
    """Whether a checkpoint is one that a sink wrote, in the rebuild `opening` or an earlier one."""
    generation = row.get("generation", 0)
    return all(map(_is_count, (row.get("next_offset"), row.get("epoch"), generation))) and generation <= opening


def must_be_replaced(store: str, partition: TopicPartition, row: Mapping[str, Any], opening: int, now: Filling) -> bool:
    """Whether a sink that opens a partition has to remove the checkpoint that it found, because no sink wrote it.

    While a rebuild fills the store, the partition may start at offset 0 again: each item has the offsets that it has
    applied. In a whole store, items that DynamoDB's TTL has removed would come back.

    Args:
        store: name of the sink.
        partition: the partition.
        row: its checkpoint.
        opening: the rebuild that the sink read before.
        now: the current rebuild.

    Raises:
        StoreDamaged: no sink wrote it, and no rebuild fills the store.
        StoreUnavailable: a rebuild has begun since.
    """
    if is_intact(row, opening):
        return False
    if now.number != opening:
        raise StoreUnavailable(f"{store}: a rebuild has begun while a partition was taken over")
    if now.state == "whole":
        raise _damaged(store, partition, row)
    return True


def _damaged(store: str, partition: TopicPartition, row: Mapping[str, Any]) -> StoreDamaged:
    found = {name: row[name] for name in ("next_offset", "epoch", "generation") if name in row}
    return StoreDamaged(
        f"{store}: checkpoint of {partition}: expected whole numbers as next_offset, epoch and, after a rebuild, "
        f"generation, found {found}",
        fix=f"`shoplake rebuild {store}` fills the store anew",
    )


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
