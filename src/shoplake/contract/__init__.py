"""What travels through Kafka: one struct per event, topics with their keys, JSON codec.

Imports nothing else of ours, so that any program may depend on it alone.
"""

from shoplake.contract.base import Event, minor_digits
from shoplake.contract.codec import REASONS, Decoded, Rejected, decode, decode_one, encode, rejections, write_lines
from shoplake.contract.key_and_partition import Placement
from shoplake.contract.partitioner import partitions_of
from shoplake.contract.schema import digest, export
from shoplake.contract.topics import (
    CONTRACTS,
    DEAD_LETTERS,
    EVENTS,
    LETTER_PROGRESS,
    MARKER,
    OUTCOMES,
    PROGRESS,
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
    "EVENTS",
    "LETTER_PROGRESS",
    "MARKER",
    "OUTCOMES",
    "PROGRESS",
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
