"""Any record that Kafka takes can be read, and is a light one as long as aiokafka's own have the same fields."""

from __future__ import annotations

import dataclasses

import aiokafka
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBase
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st
from tests.foreign_records import Foreign, batch_of

from shoplake.kafka_records import Record, prepare_consumers

TIMES = st.integers(-(2**62), 2**62 - 1)  # the builder takes none that are further apart
BYTES = st.binary(max_size=200)
RECORDS = st.builds(
    Foreign,
    value=st.none() | BYTES,
    key=st.none() | BYTES,
    timestamp_ms=TIMES,
    headers=st.lists(st.tuples(BYTES, st.none() | BYTES), max_size=4),
)
NOT_UTF8 = b"\xff\xfe"
ABORT = bytes(4)  # the key of a marker: version 0, type 0


@pytest.fixture(autouse=True)
def own_records(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ConsumerRecord", "MemoryRecords", "PartitionRecords"):
        monkeypatch.setattr(fetcher, name, getattr(fetcher, name))


def read(data: bytes, *, aborted: list[tuple[int, int]] | None = None, begin: int = 0) -> list[Record]:
    prepare_consumers()
    records = fetcher.MemoryRecords(data)
    at = TopicPartition("orders", 3)
    return list(fetcher.PartitionRecords(at, records, aborted, begin, None, None, True, fetcher.READ_COMMITTED))


@given(st.lists(RECORDS, min_size=1, max_size=5), st.sampled_from([0, 1, 2, 3, 4]))
def test_a_record_is_read_as_it_was_written_whatever_its_headers_are_called(
    written: list[Foreign], compression: int
) -> None:
    found = read(batch_of(written, compression))

    assert [(r.offset, r.key, r.value, r.timestamp) for r in found] == [
        (offset, one.key, one.value, one.timestamp_ms) for offset, one in enumerate(written)
    ]
    assert [[*r.headers] for r in found] == [
        [(name.decode(errors="replace"), value) for name, value in one.headers] for one in written
    ]


def test_records_around_one_with_a_name_that_is_not_utf8_are_read_once_each() -> None:
    names = [b"a", b"b", NOT_UTF8, b"c"]
    batches = [batch_of([Foreign(b"1", headers=[(name, None)]), Foreign(b"2")]) for name in names]
    batches = [(2 * n).to_bytes(8, "big") + batch[8:] for n, batch in enumerate(batches)]

    assert [r.offset for r in read(b"".join(batches))] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert [r.offset for r in read(b"".join(batches[2:]), begin=5)] == [5, 6, 7]


def test_records_of_an_aborted_transaction_stay_unread_beside_a_name_that_is_not_utf8() -> None:
    named = [Foreign(b"1", headers=[(NOT_UTF8, None)])]
    aborted, marker, committed = _of(9, 0, named), _of(9, 1, [Foreign(b"", ABORT)], control=True), _of(9, 2, named)

    assert [r.offset for r in read(aborted + marker + committed, aborted=[(9, 0)])] == [2]


def test_a_batch_whose_bytes_were_damaged_is_refused_and_not_read_in_another_way() -> None:
    data = bytearray(batch_of([Foreign(b"value", headers=[(NOT_UTF8, None)])]))
    data[-3] ^= 1

    with pytest.raises(CorruptRecordException, match="CRC"):
        read(bytes(data))


def test_a_transaction_marker_that_compaction_has_emptied_is_passed_over() -> None:
    # As Kafka's log cleaner leaves it: the batch of a marker, of producer 7, that holds no record.
    emptied = _sealed(attributes=0x30, producer=7, records=0)

    assert read(emptied) == []


def test_consumers_make_light_records() -> None:
    prepare_consumers()

    assert fetcher.ConsumerRecord is Record


def test_a_light_record_holds_what_aiokafkas_does() -> None:
    values = ("orders", 3, 17, 1_700_000_000_000, 0, b"k", b"v", None, 1, 1, (("h", b"x"),))

    light, own = Record(*values), aiokafka.ConsumerRecord(*values)

    names = [field.name for field in dataclasses.fields(own)]
    assert {name: getattr(light, name) for name in names} == {name: getattr(own, name) for name in names}


def test_records_of_an_aiokafka_with_other_fields_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = dataclasses.make_dataclass("ConsumerRecord", [*Record.__struct_fields__, "leader_epoch"])
    monkeypatch.setattr(aiokafka, "ConsumerRecord", newer)

    prepare_consumers()

    assert fetcher.ConsumerRecord is not Record


def _of(producer: int, base: int, records: list[Foreign], *, control: bool = False) -> bytes:
    """A batch of a transaction."""
    data = bytearray(batch_of(records))
    at, crc = DefaultRecordBase.ATTRIBUTES_OFFSET, DefaultRecordBase.CRC_OFFSET
    data[:8], data[at : at + 2] = base.to_bytes(8, "big"), (0x30 if control else 0x10).to_bytes(2, "big")
    data[at + 22 : at + 30] = producer.to_bytes(8, "big")
    data[crc : crc + 4] = calc_crc32c(bytes(data[at:])).to_bytes(4, "big")
    return bytes(data)


def _sealed(*, attributes: int, producer: int, records: int) -> bytes:
    """A batch of nothing but its header, with the sum that Kafka checks."""
    header = DefaultRecordBase.HEADER_STRUCT
    fields = (attributes, 0, 0, 0, producer, 0, -1, records)
    checked = header.pack(0, 0, 0, 2, 0, *fields)[DefaultRecordBase.ATTRIBUTES_OFFSET :]
    return header.pack(0, header.size - 12, 0, 2, calc_crc32c(checked), *fields)
