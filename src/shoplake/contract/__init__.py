"""What travels through Kafka: one struct per event, topics with their keys, JSON codec.

Imports nothing else of ours, so that any program may depend on it alone.
"""

from shoplake.contract.base import Event, minor_digits
from shoplake.contract.codec import Decoded, Rejected, decode, encode, rejections
from shoplake.contract.topics import DEAD_LETTERS, EVENTS, PROGRESS, TOPICS, Topic, columns_of, type_name

__all__ = [
    "DEAD_LETTERS",
    "EVENTS",
    "PROGRESS",
    "TOPICS",
    "Decoded",
    "Event",
    "Rejected",
    "Topic",
    "columns_of",
    "decode",
    "encode",
    "minor_digits",
    "rejections",
    "type_name",
]
