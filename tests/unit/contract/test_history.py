"""Which contract is in force at a place, and that a contract made from its schema decides as the structs do."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplake.contract import EVENTS, TOPIC_OF, TOPICS, decode, export, rejections
from shoplake.contract.from_schema import UnknownSchemaError, topics_of
from shoplake.contract.history import History, Version
from shoplake.contract.schema import Schema, digest, digest_of, own_version

from .random_events import events_of

OWN = own_version()
STARTED = {"type": "session_started", "event_id": "e", "occurred_at_ms": 1_704_067_200_000, "session_id": "s1"}
ODD = ["", "x" * 65, 0, -1, 2**53 + 1, 1.5, True, None, [], {}, "EUR", "EUR\\n", "Ä", "\\u0000", 4_102_444_800_001]


@dataclass(frozen=True)
class Record:
    offset: int


def version(number: int, contract: Schema, **starts: list[int]) -> Version:
    return Version(version=number, digest=digest_of(contract), contract=contract, starts=starts)


def without(topic: str, event: str, *fields: str) -> Schema:
    """This program's contract as it was before it had these fields."""
    older = msgspec.json.decode(msgspec.json.encode(export()))
    for field in fields:
        del older["topics"][topic]["events"][event]["properties"][field]
    return older  # type: ignore[no-any-return]


def with_field() -> Schema:
    """A later contract."""
    newer = without("clicks", "page_viewed")
    newer["topics"]["clicks"]["events"]["page_viewed"]["properties"]["note"] = {"type": "string"}
    return newer


OLDER = without("clicks", "session_started", "campaign")


def test_the_first_version_is_in_force_from_the_first_record_of_every_topic() -> None:
    history = History.of_own()
    assert history.at("clicks", 5, 0).topics is TOPICS
    assert history.split("clicks", 5, [Record(0), Record(9)]) == [(history.last, [Record(0), Record(9)])]
    assert not history.is_marker("clicks", 0, 0)


def test_a_version_is_in_force_from_its_marker_on_in_each_partition() -> None:
    history = History([version(OWN - 1, OLDER), version(OWN, export(), clicks=[3, 0])])
    assert [history.at("clicks", 0, n).version for n in (2, 3, 4)] == [OWN - 1, OWN, OWN]
    assert history.at("clicks", 1, 0).version == OWN
    assert history.at("orders", 0, 99).version == OWN - 1
    assert [history.is_marker("clicks", 0, n) for n in (2, 3)] == [False, True]
    found = history.split("clicks", 0, [Record(n) for n in (1, 2, 3, 7)])
    assert [(in_force.version, [r.offset for r in part]) for in_force, part in found] == [
        (OWN - 1, [1, 2]),
        (OWN, [3, 7]),
    ]


def test_records_of_a_newer_contract_are_beyond_the_limit() -> None:
    history = History([version(OWN, export()), version(OWN + 1, with_field(), clicks=[3, 8])])
    assert history.unreadable is not None
    assert [history.limit("clicks", 0), history.limit("clicks", 1), history.limit("orders", 0)] == [3, 8, None]
    assert history.last.version == OWN
    begun_newer = History([version(OWN + 1, with_field())])
    assert begun_newer.limit("clicks", 4) == 0


def test_records_without_a_new_version_are_skipped() -> None:
    forged = version(OWN + 9, with_field(), clicks=[0])
    forged = msgspec.structs.replace(forged, digest="another")
    again = version(OWN, without("clicks", "page_viewed", "page"), clicks=[0])
    history = History([version(OWN, export()), forged, again])
    assert history.unreadable is None
    assert history.at("clicks", 0, 5).digest == digest()


def test_two_contracts_with_one_number_are_an_error() -> None:
    with pytest.raises(ValueError, match="two contracts have the same number"):
        History([version(OWN, with_field())])


def test_an_incompatible_contract_is_an_error_that_names_the_change() -> None:
    with pytest.raises(ValueError, match=r"clicks\.page_viewed\.note: field removed"):
        History([version(OWN - 1, with_field())])


def test_a_field_unknown_to_the_contract_in_force_is_null() -> None:
    value = msgspec.json.encode(STARTED | {"device": "tablet", "referrer": "email", "campaign": "c"})
    odd = msgspec.json.encode(STARTED | {"device": "tablet", "referrer": "email", "campaign": 7})
    (old,) = (t for t in topics_of(OLDER).values() if t.name == "clicks")
    assert decode("clicks", [value]).events["campaign"].to_list() == ["c"]
    assert [r.reason for r in rejections("clicks", [odd])] == ["schema"]
    decoded = decode("clicks", [value, odd], topics={"clicks": old})
    assert decoded.rejected == ()
    assert decoded.events["campaign"].to_list() == [None, None]
    assert decoded.events.drop("position").schema == pl.Schema(TOPICS["clicks"].columns)


def test_a_topic_unknown_to_the_contract_in_force_has_no_valid_records() -> None:
    assert [r.reason for r in decode("clicks", [b"{}"], topics={}).rejected] == ["schema"]


@given(st.data())
def test_a_contract_built_from_its_schema_validates_like_the_structs(data: st.DataObject) -> None:
    event_type = data.draw(st.sampled_from(sorted(EVENTS)))
    event = data.draw(events_of(EVENTS[event_type]))
    fields = msgspec.to_builtins(event)
    for name in data.draw(st.lists(st.sampled_from(sorted(fields)), max_size=2, unique=True)):
        if data.draw(st.booleans()):
            fields[name] = data.draw(st.sampled_from(ODD))
        else:
            del fields[name]
    topic = TOPIC_OF[event_type].name
    value = [msgspec.json.encode(fields)]
    made = topics_of(export())
    assert rejections(topic, value, topics=made) == rejections(topic, value)
    assert decode(topic, value, topics=made).events.equals(decode(topic, value).events)


@pytest.mark.parametrize("rule", [{"format": "date"}, {"type": "decimal"}, {"type": "string", "minimum": 3}])
def test_a_rule_that_this_program_does_not_know_is_refused(rule: Schema) -> None:
    newer = without("clicks", "page_viewed")
    newer["topics"]["clicks"]["events"]["page_viewed"]["properties"]["page"] = rule
    with pytest.raises(UnknownSchemaError, match=r"page_viewed\.page"):
        topics_of(newer)


def test_descriptions_do_not_change_a_digest() -> None:
    described = without("clicks", "page_viewed")
    described["topics"]["clicks"]["events"]["page_viewed"]["description"] = "In other words."
    assert digest_of(described | {"version": 77}) == digest()
    assert digest_of(with_field()) != digest()
