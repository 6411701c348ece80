"""Personal values are those that the contract marks, in the places where the answers have them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shoplake.api import shapes
from shoplake.api.masking import MASK, personal_fields

DOCUMENT = {
    "_id": "c1",
    "profile": {"name": "Ada", "email": "a@example.com", "street": None, "country": "GB", "status": "active"},
    "rev": 3,
}


def test_the_masked_columns_of_a_customer_are_those_that_the_map_calls_personal() -> None:
    pytest.importorskip("sqlglot")
    from shoplake.map import project

    columns = project.graph().datasets["mongodb.customers"].fields
    personal = {one.name.removeprefix("profile.") for one in columns if one.data_class == "personal"}
    assert personal == personal_fields("customers") & set(shapes.PROFILE)


def test_nothing_else_that_is_served_is_personal() -> None:
    pytest.importorskip("sqlglot")
    from shoplake.map import project

    served = ("mongodb.products", "postgres.orders", "postgres.order_items", "postgres.payments", "postgres.shipments")
    for name in (*served, "dynamodb.sessions"):
        assert [f.name for f in project.graph().datasets[name].fields if f.data_class == "personal"] == [], name


def test_a_masked_customer_has_no_personal_value_and_all_others() -> None:
    profile = shapes.customer(DOCUMENT, mask=True)["profile"]
    assert (profile["name"], profile["email"], profile["street"], profile["country"]) == (MASK, MASK, None, "GB")


def test_an_unmasked_customer_is_as_the_store_has_it() -> None:
    found = shapes.customer(DOCUMENT, mask=False)
    assert found["profile"]["name"] == "Ada"
    assert (found["orders"], "rev" in found) == (None, False)


def test_times_are_utc_with_milliseconds() -> None:
    document = {"_id": "p1", "launched_at": datetime(2026, 8, 1, 10, tzinfo=UTC)}
    assert shapes.product(document)["launched_at"] == "2026-08-01T10:00:00.000Z"


@pytest.mark.parametrize(("count", "total", "average"), [(3, 13, 4.333), (8, 33, 4.125), (16, 65, 4.063), (0, 0, None)])
def test_the_average_rating_is_rounded_half_up_to_thousandths(count: int, total: int, average: float | None) -> None:
    ratings = {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0, "count": count, "sum": total}
    assert shapes.product({"_id": "p1", "ratings": ratings})["ratings"]["average"] == average


def test_a_timeline_is_in_the_order_of_time() -> None:
    order = {
        "placed_at": "2026-08-01T10:00:00.000Z",
        "updated_at": "2026-08-04T10:00:00.000Z",
        "status": "delivered",
        "payments": [{"payment_id": "y1", "status": "captured", "updated_at": "2026-08-02T10:00:00.000Z"}],
        "shipments": [
            {
                "shipment_id": "s1",
                "shipped_at": "2026-08-01T12:00:00.000Z",
                "delivered_at": "2026-08-04T10:00:00.000Z",
                "returned_at": None,
            }
        ],
    }
    assert [step["what"] for step in shapes.timeline(order)] == ["placed", "shipped", "payment captured", "delivered"]
