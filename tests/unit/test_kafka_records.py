"""Light records stand in for aiokafka's own only as long as those have the same fields."""

from __future__ import annotations

import dataclasses

import aiokafka
import pytest
from aiokafka.consumer import fetcher

from shoplake.kafka_records import Record, make_light


@pytest.fixture(autouse=True)
def own_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "ConsumerRecord", aiokafka.ConsumerRecord)


def test_consumers_make_light_records() -> None:
    make_light()

    assert fetcher.ConsumerRecord is Record


def test_a_light_record_holds_what_aiokafkas_does() -> None:
    values = ("orders", 3, 17, 1_700_000_000_000, 0, b"k", b"v", None, 1, 1, (("h", b"x"),))

    light, own = Record(*values), aiokafka.ConsumerRecord(*values)

    names = [field.name for field in dataclasses.fields(own)]
    assert {name: getattr(light, name) for name in names} == {name: getattr(own, name) for name in names}


def test_records_of_an_aiokafka_with_other_fields_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = dataclasses.make_dataclass("ConsumerRecord", [*Record.__struct_fields__, "leader_epoch"])
    monkeypatch.setattr(aiokafka, "ConsumerRecord", newer)

    make_light()

    assert fetcher.ConsumerRecord is not Record
