"""Up to where a store has read the log, by the checkpoints of its sink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from shoplake import sinks
from shoplake.positions import Place, Positions
from shoplake.sinks.base import TopicPartition

if TYPE_CHECKING:
    from shoplake.settings import Settings


async def positions(settings: Settings, sink_name: str, places: Iterable[Place]) -> Positions:
    """The positions of a store in those of the places whose topics its sink reads.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    sink = sinks.make(sink_name, settings)
    try:
        found = await sink.checkpoints([TopicPartition(*place) for place in places if place.topic in sink.topics])
    finally:
        await sink.close()
    return Positions({Place(*partition): checkpoint.next_offset for partition, checkpoint in found.items()})
