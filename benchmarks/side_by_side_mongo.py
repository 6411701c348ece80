"""The tutorial way into MongoDB: find_one and replace_one for each event.

An update_one of fields by path would be one call, but the embedded Mongo server gets it wrong: of a path in an upsert
it makes a name with a dot in it, and what it does not change loses its types.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pymongo

from shoplake.settings import Settings
from shoplake.sinks.fold import CUSTOMER_STATUS, MONEY_BACK, PRODUCT_STATUS

Event = dict[str, Any]
Change = tuple[str, str, dict[str, Any], dict[str, int]]
"""Collection, key, what is set, what is added."""

TOPICS = ("customers", "products", "orders", "reviews")
DATABASE = "naive"
PROFILE = ("name", "email", "segment", "street", "postcode", "city", "country", "currency", "marketing_opt_in")
PRODUCT = ("name", "category", "price_cents", "currency", "model_id", "variant")
COUNTED = {"order_placed": "placed", "order_cancelled": "cancelled", "order_returned": "returned"}
MONEY = {"payment_captured": 1} | dict.fromkeys(MONEY_BACK, -1)


def connect(settings: Settings) -> Callable[[Event], None]:
    """A database of our own, and what is done with an event."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(**settings.mongo.options())
    database = client[DATABASE]
    for collection in ("customers", "products"):
        database[collection].delete_many({})
    database["customers"].create_index("profile.segment")
    database["products"].create_index("category")

    def handle(event: Event) -> None:
        for collection, key, sets, adds in changes(event):
            document = database[collection].find_one({"_id": key}) or {"_id": key}
            for path, value in sets.items():
                section, name = _place(document, path)
                section[name] = value
            for path, amount in adds.items():
                section, name = _place(document, path)
                section[name] = section.get(name, 0) + amount
            database[collection].replace_one({"_id": key}, document, upsert=True)

    return handle


def _place(document: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    section, _, name = path.rpartition(".")
    return (document.setdefault(section, {}) if section else document), name


def changes(event: Event) -> Iterator[Change]:
    """Update for an event."""
    kind, at = event["type"], dt.datetime.fromtimestamp(event["occurred_at_ms"] / 1000, dt.UTC)
    if kind.startswith("customer_"):
        sets = {f"profile.{name}": event[name] for name in PROFILE if event.get(name) is not None}
        if kind in CUSTOMER_STATUS:
            sets["profile.status"] = CUSTOMER_STATUS[kind]
        if kind == "customer_registered":
            sets["profile.registered_at"] = at
        yield "customers", event["customer_id"], sets, {}
    elif kind.startswith("product_"):
        sets = {name: event[name] for name in PRODUCT if event.get(name) is not None}
        if kind in PRODUCT_STATUS:
            sets["status"] = PRODUCT_STATUS[kind]
        if kind == "product_launched":
            sets["launched_at"] = at
        yield "products", event["product_id"], sets, {}
    elif kind.startswith("review_"):
        yield from review_changes(event, 1 if kind == "review_submitted" else -1)
    else:
        yield "customers", event["customer_id"], *order_changes(event, kind, at)


def review_changes(event: Event, sign: int) -> Iterator[Change]:
    """A review counts for its customer and for its product."""
    rating = event["rating"]
    yield "customers", event["customer_id"], {}, {"reviews.count": sign, "reviews.rating_sum": sign * rating}
    ratings = {f"ratings.{value}": sign * (value == rating) for value in range(1, 6)}
    yield "products", event["product_id"], {}, ratings | {"ratings.count": sign, "ratings.sum": sign * rating}


def order_changes(event: Event, kind: str, at: dt.datetime) -> tuple[dict[str, Any], dict[str, int]]:
    """Fields that an order event sets in its customer's document, and counters that it increases."""
    adds = {f"orders.{name}": int(counted == kind) for counted, name in COUNTED.items()}
    adds["orders.spent_cents"] = MONEY.get(kind, 0) * event.get("amount_cents", 0)
    sets = {"orders.last_order_id": event["order_id"], "orders.last_order_at": at} if kind == "order_placed" else {}
    return sets, adds


def differing(settings: Settings) -> tuple[int, int]:
    """Number of documents, and number of documents that differ from those of shoplake's sink."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(**settings.mongo.options())
    count = wrong = 0
    for collection in ("customers", "products"):
        one, other = (
            {
                d["_id"]: {n: v for n, v in d.items() if n not in ("folded", "rev")}
                for d in client[name][collection].find()
            }
            for name in (DATABASE, settings.mongo.database)
        )
        count += len(one)
        wrong += sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())
    return count, wrong
