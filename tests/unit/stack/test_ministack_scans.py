"""Scans of the emulated DynamoDB find each item once, whatever is in the table and however it is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shoplake.stack import ministack_scans

dynamodb = pytest.importorskip("ministack.services.dynamodb")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> str:
    """A table with a sort key, and our scans in MiniStack."""
    monkeypatch.setattr(dynamodb, "_scan", dynamodb._scan)
    name = "orders"
    dynamodb._tables.pop(name, None)
    answer = dynamodb._create_table({
        "TableName": name,
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "BillingMode": "PAY_PER_REQUEST",
    })  # fmt: skip
    assert answer[0] == 200, answer
    ministack_scans.install(dynamodb)
    return name


def put(table: str, n: int) -> None:
    """A customer has three orders."""
    item = {"pk": {"S": f"c{n // 3}"}, "sk": {"S": f"o{n}"}, "text": {"S": "x" * 200}}
    assert dynamodb._put_item({"TableName": table, "Item": item})[0] == 200


def scan(**request: Any) -> dict[str, Any]:
    status, _, body = dynamodb._scan(request)
    assert status == 200, body
    return dict(json.loads(body))


def pages(**request: Any) -> list[list[str]]:
    """The orders on each page of a whole scan."""
    found: list[list[str]] = []
    while True:
        page = scan(**request)
        found.append([item["sk"]["S"] for item in page["Items"]])
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@pytest.mark.parametrize("page_bytes", [1, 600, 2_000, 20_000])
@pytest.mark.parametrize("segments", [1, 4])
def test_each_item_is_found_once(table: str, page_bytes: int, segments: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack_scans, "PAGE_BYTES", page_bytes)
    for n in range(50):
        put(table, n)

    found = [
        order
        for segment in range(segments)
        for page in pages(TableName=table, ConsistentRead=True, Segment=segment, TotalSegments=segments)
        for order in page
    ]

    assert sorted(found) == sorted(f"o{n}" for n in range(50))


def test_a_page_ends_at_a_megabyte(table: str) -> None:
    for n in range(6_000):
        put(table, n)

    found = pages(TableName=table)

    assert [len(page) > 1_000 for page in found] == [True, True]
    assert len(json.dumps(scan(TableName=table)["Items"])) == pytest.approx(ministack_scans.PAGE_BYTES, rel=0.1)
    assert len({order for page in found for order in page}) == 6_000


def test_a_page_equals_that_of_ministack(table: str) -> None:
    for n in range(10):
        put(table, n)
    odd = (
        {"S": 'Ünï "c" 🛒\n'},
        {"N": "-1.5"},
        {"BOOL": True},
        {"NULL": True},
        {"B": "AAE="},
        {"SS": ["a"]},
        {"L": [{"M": {}}]},
    )
    item = {"pk": {"S": "é"}, "sk": {"S": "o"}, **{f"a{n}": value for n, value in enumerate(odd)}}
    assert dynamodb._put_item({"TableName": table, "Item": item})[0] == 200
    ministacks_own = dynamodb._scan._scan

    status, headers, body = dynamodb._scan({"TableName": table})

    expected = ministacks_own({"TableName": table})
    assert (status, headers, json.loads(body)) == (*expected[:2], json.loads(expected[2]))


def test_an_order_is_forgotten_with_the_last_page(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack_scans, "PAGE_BYTES", 2_500)
    for n in range(25):
        put(table, n)
    scan(TableName=table)
    assert len(dynamodb._scan._orders) == 1

    pages(TableName=table)

    assert not dynamodb._scan._orders


def test_an_empty_table_is_one_empty_page(table: str) -> None:
    assert pages(TableName=table) == [[]]


def test_items_deleted_during_a_scan_are_not_found(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack_scans, "PAGE_BYTES", 2_500)
    for n in range(30):
        put(table, n)
    first = scan(TableName=table)
    for n in range(12, 30):
        dynamodb._delete_item({"TableName": table, "Key": {"pk": {"S": f"c{n // 3}"}, "sk": {"S": f"o{n}"}}})

    found = pages(TableName=table, ExclusiveStartKey=first["LastEvaluatedKey"])

    orders = {item["sk"]["S"] for item in first["Items"]} | {order for page in found for order in page}
    assert {f"o{n}" for n in range(12)} <= orders
    assert all(int(order[1:]) < 12 for page in found for order in page)


def test_a_scan_continues_after_its_order_was_forgotten(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ministack_scans, "PAGE_BYTES", 2_500)
    for n in range(30):
        put(table, n)
    first = scan(TableName=table)
    dynamodb._scan._orders.clear()

    rest = pages(TableName=table, ExclusiveStartKey=first["LastEvaluatedKey"])

    assert len([*first["Items"], *(order for page in rest for order in page)]) == 30


@pytest.mark.parametrize(
    "request_",
    [
        {"TableName": "orders", "Limit": 3},
        {"TableName": "orders", "FilterExpression": "pk = :a", "ExpressionAttributeValues": {":a": {"S": "c1"}}},
        {"TableName": "orders", "Segment": 4, "TotalSegments": 4},
        {"TableName": "orders", "Segment": 0},
        {"TableName": "none such"},
        {"TableName": "orders", "ExclusiveStartKey": {"other": {"S": "c1"}}},
    ],
)
def test_other_scans_are_passed_to_ministack(table: str, request_: dict[str, Any]) -> None:
    for n in range(10):
        put(table, n)
    ministacks_own = dynamodb._scan._scan

    assert dynamodb._scan(dict(request_)) == ministacks_own(dict(request_))
