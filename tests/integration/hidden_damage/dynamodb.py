"""Damage to DynamoDB: items, attributes and tables."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from shoplake import aws
from shoplake.settings import Settings

from .finding import ExpectedFinding


class Items(NamedTuple):
    client: Any
    settings: Settings
    sessions: list[dict[str, Any]]


def _session(
    number: int, says: str, change: Callable[[dict[str, Any]], object], full: bool = False
) -> Callable[[Items], ExpectedFinding]:
    def damage(items: Items) -> ExpectedFinding:
        wanted = [one for one in items.sessions if bool(one["cart"]["M"]) == full and "campaign" not in one]
        item = copy.deepcopy(wanted[number])
        change(item)
        items.client.put_item(TableName=items.settings.dynamodb.sessions_table, Item=item)
        return ExpectedFinding("differing", "sessions", item["pk"]["S"], says)

    return damage


def _cart_as_text(item: dict[str, Any]) -> None:
    lines = {p: {f: int(n["N"]) for f, n in line["M"].items()} for p, line in item["cart"]["M"].items()}
    item["cart"] = {"S": str(lines).replace("'", '"').replace(" ", "")}


def _foreign_item(items: Items) -> ExpectedFinding:
    table = items.settings.dynamodb.orders_table
    item = {"pk": {"S": "zz"}, "sk": {"S": "zz"}, "b": {"B": b"\xff"}, "l": {"L": [{"M": {"n": {"NULL": True}}}]}}
    items.client.put_item(TableName=table, Item=item)
    return ExpectedFinding("duplicated", "orders", "zz/zz", "no event made it")


def _no_expiry(items: Items) -> ExpectedFinding:
    items.client.update_time_to_live(
        TableName=items.settings.dynamodb.sessions_table,
        TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires_at"},
    )
    return ExpectedFinding("differing", "structure", "expiry of sessions", "expected 'expires_at', found 'none'")


DYNAMODB: Mapping[str, Callable[[Items], ExpectedFinding]] = {
    "a cart that is the text of it": _session(0, '{"S":"{', _cart_as_text, full=True),
    "an empty cart that is a text": _session(0, '{"S":"{}"}', lambda d: d.update(cart={"S": "{}"})),
    "a number in the cart that is a text": _session(
        1, '"quantity":"1"', lambda d: d["cart"]["M"][min(d["cart"]["M"])]["M"].update(quantity={"S": "1"}), full=True
    ),
    "an attribute too many, null": _session(1, '{"evil":{"NULL":true}}', lambda d: d.update(evil={"NULL": True})),
    "an attribute that is null": _session(2, "campaign: expected null", lambda d: d.update(campaign={"NULL": True})),
    "a number with a fraction": _session(3, "1.5", lambda d: d.update(pages={"N": "1.5"})),
    "a number that is a text": _session(4, '{"S":"1"}', lambda d: d.update(pages={"S": "1"})),
    "a text that is a list": _session(5, '{"L":', lambda d: d.update(device={"L": [d["device"]]})),
    "folded is gone": _session(6, "folded: expected '{", lambda d: d.pop("folded")),
    "folded is changed": _session(
        7, "folded: expected '{", lambda d: d["folded"]["M"].update({"clicks-9": {"N": "1"}})
    ),
    "rev is gone": _session(8, "rev: expected 'a positive integer', found null", lambda d: d.pop("rev")),
    "an older generation": _session(9, "generation: expected", lambda d: d.update(generation={"N": "77"})),
    "an item of another shape": _foreign_item,
    "no expiry": _no_expiry,
}


@contextmanager
def items_of(settings: Settings) -> Iterator[Items]:
    client = aws.client("dynamodb")
    pages = client.get_paginator("scan").paginate(TableName=settings.dynamodb.sessions_table)
    found = [item for page in pages for item in page["Items"]]
    ours = [item for item in found if item["pk"]["S"].startswith("s-")]  # not what others have planted
    yield Items(client, settings, sorted(ours, key=lambda item: item["pk"]["S"]))
