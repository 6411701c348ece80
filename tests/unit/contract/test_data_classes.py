"""The marks of personal and public fields."""

from __future__ import annotations

import pytest

from shoplake.contract import TOPICS, clicks, customers, export, orders, products, reviews
from shoplake.contract.data_classes import data_class_of, data_classes, strictest
from shoplake.contract.schema import digest_of

PERSONAL_WORDS = {"name", "email", "street", "postcode", "city", "phone", "query", "title", "body"}


@pytest.mark.parametrize(
    ("event", "field", "expected"),
    [
        (customers.CustomerRegistered, "email", "personal"),
        (customers.CustomerAddressChanged, "street", "personal"),
        (customers.CustomerRegistered, "country", "internal"),
        (customers.CustomerRegistered, "customer_id", "internal"),
        (clicks.SearchPerformed, "query", "personal"),
        (reviews.ReviewSubmitted, "body", "personal"),
        (reviews.ReviewSubmitted, "rating", "public"),
        (products.ProductLaunched, "name", "public"),
        (products.ProductLaunched, "variant", "public"),
        (orders.OrderPlaced, "lines[].product_id", "internal"),
        (orders.OrderPlaced, "lines", "internal"),
    ],
)
def test_class_of_a_field(event, field, expected):
    assert data_class_of(event, field) == expected


def test_every_field_has_a_class_and_no_field_about_a_person_is_forgotten():
    for topic in TOPICS.values():
        for event in topic.events:
            classes = data_classes(event)
            assert set(event.__struct_fields__) <= set(classes)
            if topic.name != "products":
                assert {field for field in classes if field in PERSONAL_WORDS} <= {
                    field for field, data_class in classes.items() if data_class == "personal"
                }


def test_an_unknown_field_is_refused():
    with pytest.raises(KeyError):
        data_class_of(orders.OrderPlaced, "colour")


def test_a_mark_is_documentation_and_not_another_contract():
    marked = export()
    unmarked = export()
    email = unmarked["topics"]["customers"]["events"]["customer_registered"]["properties"]["email"]
    assert email.pop("x-data-class") == "personal"
    assert marked != unmarked
    assert digest_of(marked) == digest_of(unmarked)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ([], "internal"),
        (["public", "public"], "public"),
        (["public", "internal"], "internal"),
        (["public", "personal"], "personal"),
    ],
)
def test_class_of_a_value_made_of_several(classes, expected):
    assert strictest(classes) == expected
