"""The relational schema as SQLAlchemy tables: the result of all migrations, which a test compares.

It is not used for writing. Alembic compares with it (`alembic revision --autogenerate`), and the docs draw it.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

SCHEMA = "shop"
METADATA = sa.MetaData(schema=SCHEMA)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text) for name in names]


def _cents(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger) for name in names]


def _counters(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in names]


def _times(*names: str) -> list[sa.Column[datetime]]:
    return [sa.Column(name, sa.TIMESTAMP(timezone=True)) for name in names]


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


sa.Table(
    "customers",
    METADATA,
    _key("customer_id"),
    *_texts("name", "email", "segment", "street", "postcode", "city", "country", "currency"),
    sa.Column("marketing_opt_in", sa.Boolean),
    *_texts("status"),
    *_times("registered_at", "updated_at"),
)
sa.Table(
    "orders",
    METADATA,
    _key("order_id"),
    _key("customer_id"),
    *_texts("session_id", "currency"),
    *_cents("subtotal_cents", "discount_cents", "shipping_cents", "tax_cents", "total_cents"),
    *_texts("status"),
    *_times("placed_at", "updated_at"),
    sa.Index("orders_customer_id", "customer_id"),
)
sa.Table(
    "payments",
    METADATA,
    _key("payment_id"),
    _key("customer_id"),
    *_texts("order_id", "currency", "method", "status", "decline_reason"),
    *_cents("amount_cents"),
    *_counters("captured_cents", "refunded_cents"),
    *_times("updated_at"),
    *_counters("charged_back_cents"),
    *_texts("chargeback_reason"),
    sa.Index("payments_order", "order_id", "customer_id"),
)
sa.Table(
    "reviews",
    METADATA,
    _key("review_id"),
    _key("product_id"),
    *_texts("customer_id", "order_id", "title", "body", "status", "removal_reason"),
    sa.Column("rating", sa.SmallInteger),
    *_times("submitted_at", "updated_at"),
)
sa.Table(
    "shipments",
    METADATA,
    _key("shipment_id"),
    _key("customer_id"),
    *_texts("order_id", "carrier", "status", "return_reason"),
    *_times("shipped_at", "delivered_at", "returned_at", "updated_at"),
    sa.Index("shipments_order", "order_id", "customer_id"),
)
sa.Table(
    "order_items",
    METADATA,
    _key("order_id"),
    _key("customer_id"),
    sa.Column("line_no", sa.Integer, primary_key=True),
    *_texts("product_id"),
    sa.Column("quantity", sa.BigInteger),
    *_cents("unit_price_cents"),
)
sa.Table(
    "inventory",
    METADATA,
    _key("product_id"),
    _key("warehouse_id"),
    *_counters("on_hand", "reserved"),
    *_times("updated_at"),
)
sa.Table(
    "products",
    METADATA,
    _key("product_id"),
    *_texts("name", "category"),
    *_cents("price_cents"),
    *_texts("currency", "status"),
    *_times("launched_at", "updated_at"),
    *_texts("model_id", "variant"),
)
sa.Table(
    "checkpoints",
    METADATA,
    _key("topic"),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("next_offset", sa.BigInteger, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False),
)
sa.Table("topics", METADATA, _key("topic"), sa.Column("identity", sa.Text, nullable=False))

ENTITIES = {"customer_id": "customers", "order_id": "orders", "product_id": "products", "topic": "topics"}
REFERENCES = tuple(
    (table.name, column.name, ENTITIES[column.name])
    for table in METADATA.tables.values()
    for column in table.columns
    if column.name in ENTITIES and ENTITIES[column.name] != table.name
)
"""`(table, column, other)`: the column holds the key of table `other`. No foreign key: see docs/data-model.md."""
