"""Five questions about the shop, each answered by the store that suits it best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoplake import aws
from shoplake.contract import minor_digits

if TYPE_CHECKING:
    from shoplake.settings import Settings

DAYS = 7
TOP = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """A question, the store that answered, and a small table."""

    question: str
    store: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def ask(settings: Settings) -> tuple[Answer, ...]:
    """All five answers."""
    questions: tuple[Callable[[Settings], Answer], ...] = (
        revenue_per_day,
        top_customers,
        a_session_with_its_cart,
        a_customer,
        the_live_board,
    )
    return tuple(question(settings) for question in questions)


def revenue_per_day(settings: Settings) -> Answer:
    """From the lake, by DuckDB over Iceberg."""
    import duckdb
    from pyiceberg.expressions import In

    from shoplake.sinks.lake.tables import open_catalog

    table = open_catalog(settings).load_table((settings.lake.database, "orders"))
    scan = table.scan(
        row_filter=In("type", {"payment_captured", "payment_refunded", "payment_charged_back"}),
        selected_fields=("type", "occurred_at", "amount_cents", "currency"),
    )
    payments = scan.to_arrow()
    with duckdb.connect() as connection:
        connection.register("payments", payments)
        found = connection.execute(
            """
            WITH days AS (
                SELECT strftime(occurred_at AT TIME ZONE 'UTC', '%Y-%m-%d') AS day, currency,
                       sum(amount_cents) FILTER (WHERE type = 'payment_captured') AS captured,
                       coalesce(sum(amount_cents) FILTER (WHERE type = 'payment_refunded'), 0) AS refunded,
                       coalesce(sum(amount_cents) FILTER (WHERE type = 'payment_charged_back'), 0) AS charged_back
                FROM payments GROUP BY ALL HAVING captured > 0
            )
            FROM days QUALIFY dense_rank() OVER (ORDER BY day DESC) <= ? ORDER BY day, currency
            """,
            [DAYS],
        ).fetchall()
    rows = tuple((day, *(_money(amount, currency) for amount in amounts)) for day, currency, *amounts in found)
    columns = ("day", "captured", "refunded", "charged back")
    return Answer(f"What came in on the last {DAYS} days?", "lake (DuckDB)", columns, rows)


def top_customers(settings: Settings) -> Answer:
    """From Postgres, by SQL."""
    import psycopg

    with psycopg.connect(settings.postgres.conninfo(), connect_timeout=5) as connection:
        found = connection.execute(
            """
            SELECT c.name, c.city, count(DISTINCT o.order_id) AS orders,
                   sum(p.captured_cents - p.refunded_cents - p.charged_back_cents) AS spent, p.currency
            FROM shop.customers c
            JOIN shop.orders o USING (customer_id) JOIN shop.payments p USING (order_id, customer_id)
            GROUP BY c.customer_id, c.name, c.city, p.currency ORDER BY orders DESC, c.customer_id LIMIT %s
            """,
            [TOP],
        ).fetchall()
    rows = tuple(
        (str(name), str(city), str(orders), _money(spent, currency)) for name, city, orders, spent, currency in found
    )
    return Answer("Who are the best customers?", "Postgres", ("customer", "city", "orders", "spent"), rows)


def a_session_with_its_cart(settings: Settings) -> Answer:
    """From DynamoDB, by key: the fullest cart of a sample of sessions."""
    table = settings.dynamodb.sessions_table
    page = aws.client("dynamodb").scan(TableName=table, Limit=500)
    items = [item for item in page["Items"] if item.get("cart", {}).get("M")]
    if not items:
        return Answer("What lies in a session's cart?", "DynamoDB", ("session",), ())
    item = max(items, key=lambda item: (len(item["cart"]["M"]), item["pk"]["S"]))
    status = item.get("status", {}).get("S", "")
    currency = item.get("currency", {}).get("S")
    lines = [(product, line["M"]) for product, line in sorted(item["cart"]["M"].items())]
    rows = tuple(
        (item["pk"]["S"], status, product, line["quantity"]["N"], _money(int(line["unit_price_cents"]["N"]), currency))
        for product, line in lines
    )
    columns = ("session", "status", "product", "quantity", "price")
    return Answer("What lies in a session's cart?", "DynamoDB", columns, rows)


def a_customer(settings: Settings) -> Answer:
    """From MongoDB, one document: who ordered most."""
    from pymongo import MongoClient

    client: MongoClient[dict[str, Any]]
    with MongoClient(**settings.mongo.options(), serverSelectionTimeoutMS=5000) as client:
        document = client[settings.mongo.database]["customers"].find_one(
            {"orders.placed": {"$gte": 1}}, sort=[("orders.placed", -1), ("_id", 1)]
        )
    if document is None:
        return Answer("What do we know of one customer?", "MongoDB", ("field", "value"), ())
    profile, orders = document.get("profile", {}), document["orders"]
    reviews = document.get("reviews", {"count": 0})
    rows = (
        (
            "customer",
            f"{profile.get('name')}, {profile.get('city')} ({profile.get('segment')}, {profile.get('status')})",
        ),
        ("orders", f"{orders['placed']} placed, {orders['cancelled']} cancelled, {orders['returned']} returned"),
        ("spent", _money(orders["spent_cents"], profile.get("currency"))),
        ("reviews", str(reviews["count"])),
    )
    return Answer("What do we know of one customer?", "MongoDB", ("field", "value"), rows)


def the_live_board(settings: Settings) -> Answer:
    """From Redis: the last day's funnel and what sells."""
    import redis

    with redis.Redis(
        **settings.redis.options(),
        decode_responses=True,
        socket_timeout=10,
    ) as client:
        days = sorted(client.scan_iter("shoplake:funnel:*", count=1000))
        funnel = client.hgetall(days[-1]) if days else {}
        best = client.zrevrange("shoplake:top_products", 0, TOP - 1, withscores=True)
    day = days[-1].rpartition(":")[2] if days else "no day"
    steps = ("session_started", "product_viewed", "cart_item_added", "checkout_started", "checkout_completed")
    rows = tuple((f"{step.replace('_', ' ')}, {day}", f"{int(funnel.get(step, 0)):,}") for step in steps) + tuple(
        (f"sold of {product}, all days", f"{units:,.0f}") for product, units in best
    )
    return Answer("What is on the live board?", "Redis", ("what", "how many"), rows)


def _money(cents: int, currency: str | None) -> str:
    digits = minor_digits(currency or "")
    return f"{int(cents) / 10**digits:,.{digits}f} {currency or ''}".rstrip()
