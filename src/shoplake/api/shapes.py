"""Documents and rows of the stores as the API shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shoplake.api.masking import masked

PROFILE = (
    "name", "email", "segment", "street", "postcode", "city", "country", "currency", "marketing_opt_in", "status",
    "registered_at",
)  # fmt: skip
CUSTOMER_ORDERS = ("placed", "cancelled", "returned", "spent_cents", "last_order_id", "last_order_at")
CUSTOMER_REVIEWS = ("count", "rating_sum")
PRODUCT = (
    "name", "category", "price_cents", "currency", "model_id", "variant", "status", "launched_at",
)  # fmt: skip
STARS = ("1", "2", "3", "4", "5")
SESSION = ("customer_id", "device", "referrer", "campaign", "currency", "status", "order_id")


def customer(document: Mapping[str, Any], *, mask: bool) -> dict[str, Any]:
    """A document of the collection `customers`. A section without events is null."""
    profile = _section(document, "profile", PROFILE)
    return {
        "customer_id": document["_id"],
        "profile": masked("customers", profile) if mask and profile else profile,
        "orders": _section(document, "orders", CUSTOMER_ORDERS),
        "reviews": _section(document, "reviews", CUSTOMER_REVIEWS),
    }


def product(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of the collection `products`. `ratings` is null if there was no review."""
    found = _section(document, "ratings", (*STARS, "count", "sum"))
    ratings = None
    if found is not None:
        count, total = found["count"], found["sum"]
        is_known = isinstance(count, int) and isinstance(total, int) and count > 0
        ratings = {
            "stars": {star: found[star] for star in STARS},
            "count": count,
            "sum": total,
            # Thousandths, half up, in whole numbers: the same on every machine.
            "average": (2000 * total + count) // (2 * count) / 1000 if is_known else None,
        }
    return {"product_id": document["_id"], **_shown(document, PRODUCT), "ratings": ratings}


def session(session_id: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of the table of sessions."""
    cart = item.get("cart") or {}
    return {
        "session_id": session_id,
        **{name: item.get(name) for name in SESSION},
        "started_at": _iso(item.get("started_at"), 1000),
        "last_event_at": _iso(item.get("last_event_at"), 1000),
        "expires_at": _iso(item.get("expires_at"), 1),
        "pages": item.get("pages"),
        "searches": item.get("searches"),
        "cart": [
            {"product_id": name, "quantity": line["quantity"], "unit_price_cents": line.get("unit_price_cents")}
            for name, line in sorted(cart.items())
        ],
    }


def timeline(order: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The events of an order in the order of time, as far as Postgres keeps the times.

    Of a payment only the last event is kept, of a shipment one time per status.
    """
    steps: list[tuple[str | None, str, str | None]] = [(order["placed_at"], "placed", None)]
    if order["status"] == "cancelled":
        steps.append((order["updated_at"], "cancelled", None))
    steps += [(p["updated_at"], f"payment {p['status']}", p["payment_id"]) for p in order["payments"]]
    for shipment in order["shipments"]:
        for what in ("shipped", "delivered", "returned"):
            steps.append((shipment[f"{what}_at"], what, shipment["shipment_id"]))
    known = [{"at": at, "what": what, "id": one} for at, what, one in steps if at is not None]
    return sorted(known, key=lambda step: str(step["at"]))


def with_details(orders: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Orders with their timelines."""
    return [{**one, "timeline": timeline(one)} for one in orders]


def _section(document: Mapping[str, Any], name: str, fields: Sequence[str]) -> dict[str, Any] | None:
    found = document.get(name)
    return _shown(found, fields) if isinstance(found, Mapping) else None


def _shown(found: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    return {name: _time(found.get(name)) for name in fields}


def _time(value: Any) -> Any:  # noqa: ANN401 - any value of a document
    if not isinstance(value, datetime):
        return value
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _iso(ticks: object, per_second: int) -> str | None:
    if not isinstance(ticks, int):
        return None
    return str(_time(datetime.fromtimestamp(ticks / per_second, UTC)))
