"""Let aiokafka's consumers read every record that Kafka accepts, as objects that cost little to keep.

aiokafka fails on two kinds of records that other clients write and Kafka keeps, again at every read: a header whose
name is not UTF-8, and a transaction marker that compaction has emptied. It also makes a dataclass of each record, which
the garbage collector searches for cycles: with the default thresholds, reading a record takes 2.1 µs in place of 1.2.
There are no options for this, so the classes of its fetcher are replaced.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import aiokafka
import msgspec
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.control_record import ABORT_MARKER, ControlRecord
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy, _DefaultRecordPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy
from aiokafka.record.util import decode_varint

_MAGIC_BYTE, _MAGIC_WITH_HEADERS = 16, 2


class Record(msgspec.Struct, frozen=True, gc=False):
    """A record with the fields of `aiokafka.ConsumerRecord`, whose documentation describes them.

    The garbage collector skips it, since it cannot be part of a cycle. In header names, bytes that are not UTF-8 become
    U+FFFD.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    checksum: int | None
    serialized_key_size: int
    serialized_value_size: int
    headers: Sequence[tuple[str, bytes | None]]


def prepare_consumers() -> None:
    """Make the consumers of this process read any record, as a `Record`. Idempotent.

    If the records of the installed aiokafka have other fields, they are left as they are.
    """
    fetcher.MemoryRecords, fetcher.PartitionRecords = _RecordsWithBytes, _AnyRecords
    if tuple(field.name for field in dataclasses.fields(aiokafka.ConsumerRecord)) == Record.__struct_fields__:
        fetcher.ConsumerRecord = Record


class _RecordsWithBytes(MemoryRecords):  # type: ignore[misc]
    """The record batches of one partition in a fetch response, together with their raw bytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class _AnyRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of these batches. From the first one that the compiled parser rejects, a slower parser reads them."""

    _records_iterator: Any

    def __init__(self, tp: Any, records: _RecordsWithBytes, aborted: Any, *options: Any) -> None:  # noqa: ANN401 - untyped
        super().__init__(tp, records, aborted, *options)
        self._data: bytes | None = records.data

    def __next__(self) -> Any:  # noqa: ANN401
        try:
            return next(self._records_iterator)
        except StopIteration:
            self._records_iterator = None
            raise
        except (CorruptRecordException, UnicodeDecodeError):
            if self._data is None:
                raise  # really corrupt
        self._records, self._data = _LenientRecords(self._data, self.next_fetch_offset), None
        self._records_iterator = self._unpack_records()  # it keeps the state of aborted transactions
        return next(self)

    def _contains_abort_marker(self, next_batch: Any) -> bool:  # noqa: ANN401
        # Compaction removes a marker, but keeps its empty batch for the producer's sequence number.
        marker = next(next_batch, None)
        return marker is not None and ControlRecord.parse(marker.key) == ABORT_MARKER


class _LenientRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """The batch that holds an offset, and all batches after it."""

    def __init__(self, data: bytes, begin: int) -> None:
        super().__init__(data)
        while (ahead := self._next_slice) is not None and DefaultRecordBatch(ahead).next_offset <= begin:
            self._cache_next()

    def next_batch(self, *_: Any) -> Any:  # noqa: ANN401
        data = self._next_slice
        batch = super().next_batch()
        return _LenientBatch(data) if data is not None and data[_MAGIC_BYTE] >= _MAGIC_WITH_HEADERS else batch


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch whose header names may hold any bytes. The layout is Kafka's record format 2."""

    _pos: int

    def _read_msg(self, *_: Any) -> _DefaultRecordPy:  # noqa: ANN401
        length, begin = decode_varint(self._buffer, self._pos)
        _, self._pos = decode_varint(self._buffer, begin)  # attributes; Kafka defines none
        age_ms, offset = self._number(), self._number()
        key, value = self._bytes(), self._bytes()
        count = self._number()
        if count < 0:
            raise CorruptRecordException(f"a record with {count} headers")
        headers = [((self._bytes() or b"").decode(errors="replace"), self._bytes()) for _ in range(count)]
        if self._pos != begin + length:
            raise CorruptRecordException(f"a record of {length} bytes whose fields take {self._pos - begin}")
        timestamp = self.max_timestamp if self.timestamp_type == self.LOG_APPEND_TIME else self.first_timestamp + age_ms
        return _DefaultRecordPy(
            self.base_offset + offset, _wrapped(timestamp), self.timestamp_type, key, value, headers
        )

    def _number(self) -> int:
        found, self._pos = decode_varint(self._buffer, self._pos)
        return int(found)

    def _bytes(self) -> bytes | None:
        size = self._number()
        if size < 0:
            return None
        begin, self._pos = self._pos, self._pos + size
        if self._pos > len(self._buffer):
            raise CorruptRecordException(f"a field of {size} bytes ends after its batch")
        return bytes(self._buffer[begin : self._pos])


def _wrapped(number: int) -> int:
    """Wrap a number to 64 bits: the sum of a batch's first timestamp and a difference can overflow."""
    return (number + 2**63) % 2**64 - 2**63
