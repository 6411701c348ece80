"""Records as the consumers of this project read them: any record that Kafka takes, in a form that is cheap to keep.

aiokafka refuses what other clients write and Kafka keeps, and raises again at every read: a header whose name is not
UTF-8, and a transaction marker that compaction has emptied. It also makes a dataclass of each record, and Python walks
through all that are kept in search of cycles: with its own thresholds that doubles what it takes to read one, from 1.2
to 2.1 µs. It has options for none of this, so its fetcher is given classes of ours.
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
    """What `aiokafka.ConsumerRecord` holds; its documentation says what each field is.

    It can be in no cycle, and is not looked at when Python searches for some. In the name of a header, bytes that are
    not UTF-8 are U+FFFD.
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
    """Have the consumers of this process read any record, and make `Record`s; safe to call again.

    An aiokafka whose records have other fields is left to make its own.
    """
    fetcher.MemoryRecords, fetcher.PartitionRecords = _KeptRecords, _AnyRecords
    if tuple(field.name for field in dataclasses.fields(aiokafka.ConsumerRecord)) == Record.__struct_fields__:
        fetcher.ConsumerRecord = Record


class _KeptRecords(MemoryRecords):  # type: ignore[misc]
    """The batches of one partition in one answer, which also remembers the bytes that they are read from."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class _AnyRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of these batches. From one that the compiled parser refuses on, a slower parser reads them."""

    _records_iterator: Any

    def __init__(self, tp: Any, records: _KeptRecords, aborted: Any, *options: Any) -> None:  # noqa: ANN401 - untyped
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
        self._records, self._data = _PatientRecords(self._data, self.next_fetch_offset), None
        self._records_iterator = self._unpack_records()  # which knows on which transactions' records it was
        return next(self)

    def _contains_abort_marker(self, next_batch: Any) -> bool:  # noqa: ANN401
        # Compaction keeps the batch of a marker for its producer's sake, and takes the marker out of it.
        marker = next(next_batch, None)
        return marker is not None and ControlRecord.parse(marker.key) == ABORT_MARKER


class _PatientRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """The batches that hold this offset and those behind it."""

    def __init__(self, data: bytes, begin: int) -> None:
        super().__init__(data)
        while (ahead := self._next_slice) is not None and DefaultRecordBatch(ahead).next_offset <= begin:
            self._cache_next()

    def next_batch(self, *_: Any) -> Any:  # noqa: ANN401
        data = self._next_slice
        batch = super().next_batch()
        return _PatientBatch(data) if data is not None and data[_MAGIC_BYTE] >= _MAGIC_WITH_HEADERS else batch


class _PatientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    """A batch whose headers may have any name. The layout is Kafka's record format 2."""

    _pos: int

    def _read_msg(self, *_: Any) -> _DefaultRecordPy:  # noqa: ANN401
        length, begin = decode_varint(self._buffer, self._pos)
        _, self._pos = decode_varint(self._buffer, begin)  # attributes, of which there are none
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
            raise CorruptRecordException(f"a field of {size} bytes ends behind its batch")
        return bytes(self._buffer[begin : self._pos])


def _wrapped(number: int) -> int:
    """As 64 bits hold it: the times of one batch may be further apart than they can say."""
    return (number + 2**63) % 2**64 - 2**63
