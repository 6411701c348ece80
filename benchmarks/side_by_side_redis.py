"""The tutorial way into Redis: an HINCRBY or a ZINCRBY for each event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import redis

from shoplake.settings import Settings
from shoplake.sinks.fold import MONEY_BACK
from shoplake.sinks.redis.sink import FUNNEL

Event = dict[str, Any]
TOPICS = ("orders", "clicks", "inventory")
PREFIX, OURS = "naive:", "shoplake:"
MONEY = {"payment_captured": 1} | dict.fromkeys(MONEY_BACK, -1)
STOCK = {"stock_received": 1, "stock_returned": 1, "stock_released": 1, "stock_reserved": -1}


def connect(settings: Settings) -> Callable[[Event], None]:
    """Keys of our own, and what is done with an event."""
    client = redis.Redis(**settings.redis.options())
    for key in client.scan_iter(f"{PREFIX}*"):
        client.delete(key)

    def handle(event: Event) -> None:
        kind, at = event["type"], dt.datetime.fromtimestamp(event["occurred_at_ms"] / 1000, dt.UTC)
        if kind in FUNNEL:
            client.hincrby(f"{PREFIX}funnel:{at:%Y-%m-%d}", kind, 1)
        elif kind in MONEY:
            board = f"{PREFIX}revenue:{at:%Y-%m-%d}" + (f":{event['currency']}" if event.get("currency") else "")
            client.hincrby(board, f"{at:%H:%M}", MONEY[kind] * event["amount_cents"])
        elif kind in STOCK:
            client.hincrby(f"{PREFIX}stock", event["product_id"], STOCK[kind] * event["quantity"])
        elif kind == "order_placed":
            for line in event["lines"]:
                client.zincrby(f"{PREFIX}top_products", line["quantity"], line["product_id"])

    return handle


def differing(settings: Settings) -> tuple[int, int]:
    """Number of values, and number of values that differ from those of shoplake's sink."""
    client = redis.Redis(**settings.redis.options())
    one, other = _values(client, PREFIX), _values(client, OURS)
    return len(one), sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())


def _values(client: redis.Redis, prefix: str) -> dict[tuple[bytes, bytes], float]:
    """Content of the boards; a counter at zero counts as absent."""
    found: dict[tuple[bytes, bytes], float] = {}
    for board in ("funnel:", "revenue:", "stock", "top_products"):
        for key in client.scan_iter(f"{prefix}{board}*"):
            values = (
                dict(client.zrange(key, 0, -1, withscores=True)) if board == "top_products" else client.hgetall(key)
            )
            name = key.removeprefix(prefix.encode())
            found |= {(name, entry): float(value) for entry, value in values.items() if float(value)}
    return found
