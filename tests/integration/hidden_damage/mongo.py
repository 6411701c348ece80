"""Damage to MongoDB: types, bytes, collections and indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

from pymongo import MongoClient
from pymongo.database import Database

from shoplake.settings import Settings

from .finding import ExpectedFinding

Documents: TypeAlias = Database[dict[str, Any]]


def _customer(documents: Documents, number: int, change: Callable[[dict[str, Any]], object]) -> str:
    found = documents.customers.find({"profile.postcode": {"$exists": True}, "orders.placed": {"$gt": 0}})
    document = sorted(found, key=lambda one: one["_id"])[number]
    change(document)
    documents.customers.replace_one({"_id": document["_id"]}, document)
    return str(document["_id"])


def _changed_customer(
    number: int, says: str, change: Callable[[dict[str, Any]], object]
) -> Callable[..., ExpectedFinding]:
    return lambda documents: ExpectedFinding("differing", "customers", _customer(documents, number, change), says)


def _orders(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda document: change(document["orders"])


MONGO_DOCUMENTS: Mapping[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "a postcode that is a number": ("found 'int 12345'", lambda d: d["profile"].update(postcode=12345)),
    "a date that is a text": (
        "profile.registered_at: expected '20",
        lambda d: d["profile"].update(registered_at=d["profile"]["registered_at"].isoformat()),
    ),
    "a flag that is a number": ("found 'int 0'", lambda d: d["profile"].update(marketing_opt_in=0)),
    "an amount that is no integer": (".0'", _orders(lambda d: d.update(spent_cents=float(d["spent_cents"])))),
    "an amount that is a text": ("found 'str ", _orders(lambda d: d.update(spent_cents=str(d["spent_cents"])))),
    "an empty section too many": ('{"evil":{}}', lambda d: d.update(evil={})),
    "a field that is null": ('{"evil":null}', lambda d: d.update(evil=None)),
    "bookkeeping inside a section": ('"orders.rev":999', _orders(lambda d: d.update(rev=999))),
    "a name with a dot": ("orders.placed", lambda d: d.update({"orders.placed": 1})),
    "a name that is a list": ("found 'list", lambda d: d["profile"].update(name=[d["profile"]["name"]])),
    "nothing folded": ("folded: expected '{", lambda d: d.update(folded={})),
    "folded is gone": ("found null", lambda d: d.pop("folded")),
    "folded one offset less": (
        "folded: expected '{",
        lambda d: d.update(folded={source: offset - 1 for source, offset in d["folded"].items()}),
    ),
    "rev is gone": ("rev: expected 'a positive integer', found null", lambda d: d.pop("rev")),
    "rev is a text": ("rev: expected 'a positive integer', found 'str ", lambda d: d.update(rev="1")),
    "an older generation": ("generation: expected ", lambda d: d.update(generation=77)),
    "nested deeply": ("unknown_fields", lambda d: d.update(deep=_nested(80))),
}


def _nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth):
        document = {"in": document}
    return document


def id_that_is_a_number(documents: Documents) -> ExpectedFinding:
    documents.customers.insert_one({"_id": 5})
    return ExpectedFinding("duplicated", "customers", "int 5", "no event made it")


def extra_collection(documents: Documents) -> ExpectedFinding:
    documents.more.insert_one({"_id": "a"})
    return ExpectedFinding("duplicated", "structure", "collection more", "not of shoplake")


def extra_index(documents: Documents) -> ExpectedFinding:
    documents.products.create_index("name")
    return ExpectedFinding("duplicated", "structure", "index of products on name 1", "not of shoplake")


def index_that_is_gone(documents: Documents) -> ExpectedFinding:
    documents.customers.drop_index("idx_customers_profile_segment")
    return ExpectedFinding("lost", "structure", "index of customers on profile.segment 1", "expected {}")


@contextmanager
def documents_of(settings: Settings) -> Iterator[Documents]:
    with MongoClient[dict[str, Any]](settings.mongo.uri) as client:
        yield client[settings.mongo.database]


MONGO = {
    name: _changed_customer(number, says, change)
    for number, (name, (says, change)) in enumerate(MONGO_DOCUMENTS.items())
} | {
    "id that is a number": id_that_is_a_number,
    "extra collection": extra_collection,
    "extra index": extra_index,
    "index that is gone": index_that_is_gone,
}
