"""Progress of publishers: one record per publisher in a compacted topic, in the same transaction as the events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from shoplake import kafka
from shoplake.contract import PUBLISH_PROGRESS, TOPICS
from shoplake.errors import PublishError

if TYPE_CHECKING:
    from aiokafka import ConsumerRecord

    from shoplake.settings import KafkaSettings


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of one publisher.

    Attributes:
        publisher: its name, the record's key.
        scenario: the whole definition, so that the run can be simulated again from the log alone.
        version: of the simulator.
        topics: whose records are published; a run is of all of them or of some from its start.
        window: the next window.
        skip: records of that window that are in the log already.
        events: records published so far.
    """

    publisher: str
    scenario: dict[str, Any]
    scenario_digest: str
    seed: int
    version: int
    topics: tuple[str, ...] = tuple(TOPICS)
    window: int
    skip: int
    events: int


async def read_progress(cluster: KafkaSettings) -> dict[str, Published]:
    """The newest record of each publisher, by name, which is its key; one without a value is a deleted key.

    What somebody else wrote into the topic is left out.

    Raises:
        StreamHalted: Kafka did not answer.
    """
    records = await kafka.newest_records(cluster, PUBLISH_PROGRESS)
    found = {key: _decode(key, record) for key, record in records.items()}
    return {key.decode(): progress for key, progress in found.items() if isinstance(progress, Published)}


async def progress_of(cluster: KafkaSettings, publisher: str) -> Published | None:
    """The newest record of one publisher; None where it has published nothing.

    Raises:
        PublishError: its newest record says nothing of it: to begin anew would publish events that are in the log.
        StreamHalted: Kafka did not answer.
    """
    key = publisher.encode()
    record = (await kafka.newest_records(cluster, PUBLISH_PROGRESS)).get(key)
    found = None if record is None else _decode(key, record)
    if record is not None and isinstance(found, str):
        raise PublishError(
            f"expected the progress of publisher '{publisher}', found something else in "
            f"{PUBLISH_PROGRESS}-{record.partition} at offset {record.offset}: {found}",
            fix="write the record before it again under the same key; or, where none of the publisher's events are in "
            "the log, delete the key with a record that has no value",
        )
    return found if isinstance(found, Published) else None


def _decode(key: bytes, record: ConsumerRecord[Any, Any]) -> Published | str:
    """The progress that a record holds, or why it holds none."""
    try:
        found = msgspec.json.decode(record.value, type=Published)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)
    return found if found.publisher.encode() == key else f"it is of publisher '{found.publisher}'"
