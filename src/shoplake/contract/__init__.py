"""The event contract: one struct per event, the topics with their keys, and the JSON codec.

It imports no other package of this project, so any program can depend on it alone.
"""

from shoplake.contract.base import Event, minor_digits
from shoplake.contract.codec import REASONS, Decoded, Rejected, decode, decode_one, encode, rejections, write_lines
from shoplake.contract.key_and_partition import Placement
from shoplake.contract.partitioner import partitions_of
from shoplake.contract.schema import digest, export
from shoplake.contract.topics import (
    CONTRACTS,
    DEAD_LETTER_PROGRESS,
    DEAD_LETTERS,
    EVENTS,
    MARKER,
    OUTCOMES,
    PUBLISH_PROGRESS,
    REPLAY_OF,
    TOPIC_OF,
    TOPICS,
    Topic,
    columns_of,
    type_name,
)

__all__ = [
    "CONTRACTS",
    "DEAD_LETTERS",
    "DEAD_LETTER_PROGRESS",
    "EVENTS",
    "MARKER",
    "OUTCOMES",
    "PUBLISH_PROGRESS",
    "REASONS",
    "REPLAY_OF",
    "TOPICS",
    "TOPIC_OF",
    "Decoded",
    "Event",
    "Placement",
    "Rejected",
    "Topic",
    "columns_of",
    "decode",
    "decode_one",
    "digest",
    "encode",
    "export",
    "minor_digits",
    "partitions_of",
    "rejections",
    "type_name",
    "write_lines",
]
