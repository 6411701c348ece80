"""The tutorial way into DynamoDB: a put_item or an update_item for each event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from shoplake import aws
from shoplake.bench.stores.dynamodb import copy_table
from shoplake.settings import Settings
from shoplake.sinks.dynamodb.items import SESSION_RETENTION_S
from shoplake.sinks.fold import ORDER_STATUS, SESSION_STATUS

Event = dict[str, Any]
TOPICS = ("clicks", "orders")
SESSIONS, ORDERS = "naive-sessions", "naive-orders"
COUNTED = {"page_viewed": "pages", "product_viewed": "pages", "search_performed": "searches"}
STARTED = ("customer_id", "device", "referrer", "campaign")
typed, plain = TypeSerializer().serialize, TypeDeserializer().deserialize


def connect(settings: Settings) -> Callable[[Event], None]:
    """Tables of our own, and what is done with an event."""
    client = aws.client("dynamodb")
    copy_table(client, settings.dynamodb.sessions_table, SESSIONS)
    copy_table(client, settings.dynamodb.orders_table, ORDERS)

    def handle(event: Event) -> None:
        if event["type"] == "session_started":
            client.put_item(TableName=SESSIONS, Item=_typed(new_session(event)))
        elif "order_id" in event and "customer_id" in event:
            handle_order(client, event)
        else:
            handle_click(client, event)

    return handle


def new_session(event: Event) -> dict[str, Any]:
    """The item of a session that begins."""
    known = {name: event[name] for name in STARTED if event.get(name) is not None}
    seen = {"started_at": event["occurred_at_ms"], "status": "browsing", "pages": 0, "searches": 0, "cart": {}}
    return {"pk": event["session_id"], **known, **seen, **_times(event)}


def handle_click(client: Any, event: Event) -> None:  # noqa: ANN401 - boto3 is untyped
    """Count a page or a search, or change the cart or the status."""
    changes, kind = _times(event), event["type"]
    if kind in SESSION_STATUS:
        changes["status"] = SESSION_STATUS[kind]
    if kind == "checkout_completed":
        changes["order_id"] = event["order_id"]
    if kind == "cart_item_added":
        if event.get("currency"):
            changes["currency"] = event["currency"]
        add_to_cart(client, event, changes)
    elif kind == "cart_item_removed":
        update(
            client, SESSIONS, {"pk": event["session_id"]}, changes, "REMOVE cart.#p", names={"#p": event["product_id"]}
        )
    elif kind in COUNTED:
        update(client, SESSIONS, {"pk": event["session_id"]}, changes, f"ADD {COUNTED[kind]} :one", {":one": 1})
    else:
        update(client, SESSIONS, {"pk": event["session_id"]}, changes)


def add_to_cart(client: Any, event: Event, changes: dict[str, Any]) -> None:  # noqa: ANN401
    """A new line, or more of one that is there."""
    key, names = {"pk": event["session_id"]}, {"#p": event["product_id"]}
    line = {"quantity": event["quantity"], "unit_price_cents": event["unit_price_cents"]}
    try:
        new = {"condition": "attribute_not_exists(cart.#p)", "names": names}
        update(client, SESSIONS, key, changes, ", cart.#p = :line", {":line": line}, **new)
    except client.exceptions.ConditionalCheckFailedException:
        more = ", cart.#p.quantity = cart.#p.quantity + :quantity, cart.#p.unit_price_cents = :price"
        values = {":quantity": line["quantity"], ":price": line["unit_price_cents"]}
        update(client, SESSIONS, key, changes, more, values, names=names)


def handle_order(client: Any, event: Event) -> None:  # noqa: ANN401
    """Put a new order, or set its status."""
    key = {"pk": event["customer_id"], "sk": event["order_id"]}
    if event["type"] == "order_placed":
        items = sum(line["quantity"] for line in event["lines"])
        placed = {"status": "placed", "placed_at": event["occurred_at_ms"], "updated_at": event["occurred_at_ms"]}
        money = {"total_cents": event["total_cents"], "currency": event["currency"]}
        client.put_item(TableName=ORDERS, Item=_typed(key | placed | money | {"items": items}))
        return
    changes = {"updated_at": event["occurred_at_ms"]}
    if event["type"] in ORDER_STATUS:
        changes["status"] = ORDER_STATUS[event["type"]]
    update(client, ORDERS, key, changes)


def update(
    client: Any,  # noqa: ANN401
    table: str,
    key: dict[str, Any],
    changes: dict[str, Any],
    more: str = "",
    values: dict[str, Any] | None = None,
    *,
    names: dict[str, str] | None = None,
    condition: str = "",
) -> None:
    """One update_item: SET what changes, then what more is asked for."""
    sets = ", ".join(f"#{name} = :{name}" for name in changes)
    written = {f":{name}": value for name, value in changes.items()} | (values or {})
    client.update_item(
        TableName=table,
        Key=_typed(key),
        UpdateExpression=f"SET {sets} {more}",
        ExpressionAttributeNames={f"#{name}": name for name in changes} | (names or {}),
        ExpressionAttributeValues=_typed(written),
        **({"ConditionExpression": condition} if condition else {}),
    )


def _times(event: Event) -> dict[str, int]:
    at = event["occurred_at_ms"]
    return {"last_event_at": at, "expires_at": at // 1000 + SESSION_RETENTION_S}


def _typed(item: dict[str, Any]) -> dict[str, Any]:
    return {name: typed(value) for name, value in item.items()}


def differing(settings: Settings) -> tuple[int, int]:
    """Number of items, and number of items that differ from those of shoplake's sink."""
    count = wrong = 0
    for theirs, ours in ((SESSIONS, settings.dynamodb.sessions_table), (ORDERS, settings.dynamodb.orders_table)):
        one, other = _items(theirs), _items(ours)
        count += len(one)
        wrong += sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())
    return count, wrong


def _items(table: str) -> dict[tuple[Any, Any], dict[str, Any]]:
    pages = aws.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    found = [{n: plain(v) for n, v in item.items() if n not in ("folded", "rev")} for p in pages for item in p["Items"]]
    return {(item["pk"], item.get("sk")): item for item in found}
