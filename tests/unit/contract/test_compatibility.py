"""Which changes of the contract go through: held against what the decoder takes, and against the data that is kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Annotated, Any, Literal, Union

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoplake.contract import Event, Topic, export
from shoplake.contract.base import Cents, Id
from shoplake.contract.compatibility import compare
from shoplake.contract.schema import Schema

from .random_events import events_of

Kind = Literal["bargain", "regular"]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    product_id: Id
    quantity: Annotated[int, msgspec.Meta(ge=1, le=100)]


class Bought(Event, frozen=True, kw_only=True, tag="bought"):
    order_id: Id
    customer_id: Id
    amount_cents: Cents
    kind: Kind
    lines: list[Line]
    note: Annotated[str, msgspec.Meta(max_length=20)] | None = None


class Returned(Event, frozen=True, kw_only=True, tag="returned"):
    order_id: Id
    customer_id: Id
    kind: Kind


class Seen(Event, frozen=True, kw_only=True, tag="seen"):
    session_id: Id


def topics_of(*topics: Topic) -> dict[str, Topic]:
    return {topic.name: topic for topic in topics}


SALES = Topic("sales", "customer_id", (Bought, Returned))
CLICKS = Topic("clicks", "session_id", (Seen,))
OLDER = export(topics_of(SALES, CLICKS))
Change = Callable[[Schema], None]


def bought(contract: Schema) -> Schema:
    found: Schema = contract["topics"]["sales"]["events"]["bought"]
    return found


def field(name: str, **schema: Any) -> Change:
    """Replace a field's schema, or parts of it where it has a type."""

    def change(contract: Schema) -> None:
        properties = bought(contract)["properties"]
        properties[name] = properties.get(name, {}) | schema

    return change


def add(name: str, *, required: bool = False, **schema: Any) -> Change:
    def change(contract: Schema) -> None:
        bought(contract)["properties"][name] = schema
        bought(contract)["required"] += [name] if required else []

    return change


def remove(name: str) -> Change:
    def change(contract: Schema) -> None:
        del bought(contract)["properties"][name]
        bought(contract)["required"] = [n for n in bought(contract)["required"] if n != name]

    return change


def required(name: str, needed: bool) -> Change:
    def change(contract: Schema) -> None:
        bought(contract)["required"] = [n for n in bought(contract)["required"] if n != name] + [name] * needed

    return change


def rename(old: str, new: str) -> Change:
    def change(contract: Schema) -> None:
        properties = bought(contract)["properties"]
        properties[new] = properties.pop(old)
        bought(contract)["required"] = [new if n == old else n for n in bought(contract)["required"]]

    return change


def move(contract: Schema) -> None:
    contract["topics"]["clicks"]["events"]["returned"] = contract["topics"]["sales"]["events"].pop("returned")


def key(contract: Schema) -> None:
    contract["topics"]["sales"]["key"] = "order_id"


def drop_event(contract: Schema) -> None:
    del contract["topics"]["sales"]["events"]["returned"]


def new_event(contract: Schema) -> None:
    contract["topics"]["sales"]["events"]["exchanged"] = copy.deepcopy(
        contract["topics"]["sales"]["events"]["returned"]
    )


def new_event_of_another_type(contract: Schema) -> None:
    new_event(contract)
    contract["topics"]["sales"]["events"]["exchanged"]["properties"]["order_id"] = {"type": "integer"}


def drop_topic(contract: Schema) -> None:
    del contract["topics"]["clicks"]


def new_topic(contract: Schema) -> None:
    contract["topics"]["visits"] = {"key": "session_id", "events": {}}


def in_line(change: Callable[[Schema], None]) -> Change:
    return lambda contract: change(bought(contract)["properties"]["lines"]["items"])


def add_to_line(line: Schema) -> None:
    line["properties"]["colour"] = {"type": "string", "default": None}


def narrow_line(line: Schema) -> None:
    line["properties"]["quantity"]["maximum"] = 50


NOTE = {"type": "string", "maxLength": 20}
OPTIONAL = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
CHANGES: dict[str, tuple[Change, list[tuple[str, str, bool]]]] = {
    "optional field": (add("colour", **OPTIONAL), [("optional field added", "sales.bought.colour", True)]),
    "required field": (
        add("colour", required=True, type="string"),
        [("required field added", "sales.bought.colour", False)],
    ),
    "optional field with a default": (
        add("colour", type="string", default="red"),
        [("optional field added with a default", "sales.bought.colour", False)],
    ),
    "removed field": (remove("amount_cents"), [("field removed", "sales.bought.amount_cents", False)]),
    "removed optional field": (remove("note"), [("field removed", "sales.bought.note", False)]),
    "renamed field": (rename("amount_cents", "total_cents"), [("field renamed", "sales.bought.amount_cents", False)]),
    "wider number": (field("amount_cents", maximum=2**60), [("type widened", "sales.bought.amount_cents", True)]),
    "number beyond 64 bits": (
        field("amount_cents", maximum=2**70),
        [("type widened", "sales.bought.amount_cents", False)],
    ),
    "narrower number": (field("amount_cents", minimum=1), [("type narrowed", "sales.bought.amount_cents", False)]),
    "longer text": (field("order_id", maxLength=99), [("type widened", "sales.bought.order_id", True)]),
    "shorter text": (field("order_id", maxLength=9), [("type narrowed", "sales.bought.order_id", False)]),
    "pattern": (field("order_id", pattern="^o"), [("type narrowed", "sales.bought.order_id", False)]),
    "another type": (
        field("amount_cents", type="number"),
        [("type changed", "sales.bought.amount_cents", False)],
    ),
    "null allowed": (
        lambda c: bought(c)["properties"].update(
            amount_cents={"anyOf": [bought(c)["properties"]["amount_cents"], {"type": "null"}]}
        ),
        [("type widened", "sales.bought.amount_cents", True)],
    ),
    "null no longer allowed": (
        lambda c: bought(c)["properties"].update(note=NOTE | {"default": None}),
        [("type narrowed", "sales.bought.note", False)],
    ),
    "enum value": (
        field("kind", enum=["bargain", "loyal", "regular"]),
        [("enum value added", "sales.bought.kind", True)],
    ),
    "enum value gone": (field("kind", enum=["regular"]), [("enum value removed", "sales.bought.kind", False)]),
    "enum become text": (
        lambda c: bought(c)["properties"].update(kind={"type": "string", "maxLength": 9}),
        [("type widened", "sales.bought.kind", True)],
    ),
    "enum become too short a text": (
        lambda c: bought(c)["properties"].update(kind={"type": "string", "maxLength": 3}),
        [("type narrowed", "sales.bought.kind", False)],
    ),
    "text become enum": (
        lambda c: bought(c)["properties"].update(order_id={"enum": ["o1"]}),
        [("type narrowed", "sales.bought.order_id", False)],
    ),
    "field no longer required": (
        required("amount_cents", False),
        [("field made optional", "sales.bought.amount_cents", True)],
    ),
    "field now required": (required("note", True), [("field made required", "sales.bought.note", False)]),
    "key no longer required": (
        required("customer_id", False),
        [
            ("field made optional", "sales.bought.customer_id", True),
            ("key made optional", "sales.bought.customer_id", False),
        ],
    ),
    "default": (field("note", default="none"), [("default changed", "sales.bought.note", False)]),
    "key": (key, [("key changed", "sales", False)]),
    "topic of an event": (move, [("topic changed", "sales.returned", False)]),
    "removed event": (drop_event, [("event removed", "sales.returned", False)]),
    "new event": (new_event, [("event added", "sales.exchanged", True)]),
    "new event whose field has another type": (
        new_event_of_another_type,
        [("event added", "sales.exchanged", True), ("column of two types", "sales.exchanged.order_id", False)],
    ),
    "removed topic": (drop_topic, [("topic removed", "clicks", False)]),
    "new topic": (new_topic, [("topic added", "visits", True)]),
    "optional field of an element": (
        in_line(add_to_line),
        [("optional field added in a list", "sales.bought.lines[].colour", False)],
    ),
    "narrower element": (in_line(narrow_line), [("type narrowed", "sales.bought.lines[].quantity", False)]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_reported_by_kind_and_place_and_refused_with_what_to_do(name: str) -> None:
    change, expected = CHANGES[name]
    newer = copy.deepcopy(OLDER)
    change(newer)
    found = compare(OLDER, newer)
    assert [(c.kind, c.where, c.compatible) for c in found] == expected
    assert all(bool(c.fix) == (not c.compatible) for c in found)


def test_an_unchanged_contract_and_changed_descriptions_are_no_changes() -> None:
    reworded = copy.deepcopy(OLDER)
    bought(reworded)["description"] = "Somebody bought something."
    bought(reworded)["properties"]["amount_cents"]["description"] = "Money."
    assert compare(OLDER, OLDER) == compare(OLDER, reworded) == []


def test_a_contract_of_another_format_is_refused() -> None:
    (change,) = compare(OLDER | {"format": 0}, OLDER)
    assert (change.kind, change.compatible) == ("format changed", False)


def test_the_shops_own_contract_has_one_type_per_column() -> None:
    assert compare(export(), export()) == []


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_compatible_contract_accepts_all_events_of_the_older_one(data: st.DataObject) -> None:
    """Two contracts drawn field by field: whatever passes the check decodes whatever the older one allowed."""
    older, newer = data.draw(structs()), data.draw(structs())
    changes = compare(*(export(topics_of(Topic("sales", "customer_id", (struct,)))) for struct in (older, newer)))
    event = data.draw(events_of(older))
    if all(change.compatible for change in changes):
        decoded: Any = msgspec.json.decode(msgspec.json.encode(event), type=newer)
        for name in older.__struct_fields__:
            assert getattr(decoded, name) == getattr(event, name)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_contract_that_refuses_an_older_event_is_never_compatible(data: st.DataObject) -> None:
    older, newer = data.draw(structs()), data.draw(structs())
    event = data.draw(events_of(older))
    try:
        msgspec.json.decode(msgspec.json.encode(event), type=newer)
    except msgspec.ValidationError:
        contracts = (export(topics_of(Topic("sales", "customer_id", (struct,)))) for struct in (older, newer))
        assert not all(change.compatible for change in compare(*contracts))


@st.composite
def structs(draw: st.DrawFn) -> type[Event]:
    """Events of one type, with some of a few fields, each of one of a few types."""
    names = draw(st.lists(st.sampled_from(["a", "b", "c"]), unique=True))
    fields: list[Any] = [("customer_id", Id)]
    for name in names:
        kind = draw(kinds())
        fields.append((name, Union[kind, None], None) if draw(st.booleans()) else (name, kind))  # noqa: UP007
    return msgspec.defstruct("Bought", fields, bases=(Event,), frozen=True, kw_only=True, tag="bought")


@st.composite
def kinds(draw: st.DrawFn) -> Any:
    which = draw(st.sampled_from(["int", "str", "bool", "enum", "list"]))
    low, high = sorted(draw(st.lists(st.integers(0, 9), min_size=2, max_size=2)))
    match which:
        case "int":
            return Annotated[int, msgspec.Meta(ge=low, le=high)]
        case "str":
            return Annotated[str, msgspec.Meta(max_length=high)]
        case "bool":
            return bool
        case "enum":
            values = draw(st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, unique=True))
            return Literal[tuple(values)]  # type: ignore[valid-type]
        case _:
            return list[Annotated[int, msgspec.Meta(ge=low, le=high)]]
