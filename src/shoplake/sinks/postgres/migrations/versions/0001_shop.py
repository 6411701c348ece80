"""Create the tables of the normalised shop, and the checkpoints.

All columns except keys may be null: a row exists as soon as one event has its key. There are no foreign keys between
topics, because topics are consumed independently.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "shop"


def upgrade() -> None:
    """Create all tables."""
    _table(
        "customers",
        _key("customer_id"),
        *_texts("name", "email", "segment", "street", "postcode", "city", "country", "currency"),
        sa.Column("marketing_opt_in", sa.Boolean),
        *_texts("status"),
        *_times("registered_at", "updated_at"),
    )
    _table(
        "products",
        _key("product_id"),
        *_texts("name", "category"),
        *_cents("price_cents"),
        *_texts("currency", "status"),
        *_times("launched_at", "updated_at"),
    )
    _table(
        "orders",
        _key("order_id"),
        *_texts("customer_id", "session_id", "currency"),
        *_cents("subtotal_cents", "discount_cents", "shipping_cents", "tax_cents", "total_cents"),
        *_texts("status"),
        *_times("placed_at", "updated_at"),
    )
    _table(
        "order_items",
        _key("order_id"),
        sa.Column("line_no", sa.Integer, primary_key=True),
        *_texts("product_id"),
        sa.Column("quantity", sa.BigInteger),
        *_cents("unit_price_cents"),
    )
    _table(
        "payments",
        _key("payment_id"),
        *_texts("order_id", "customer_id", "currency", "method", "status", "decline_reason"),
        *_cents("amount_cents"),
        *_counters("captured_cents", "refunded_cents"),
        *_times("updated_at"),
    )
    _table(
        "shipments",
        _key("shipment_id"),
        *_texts("order_id", "customer_id", "carrier", "status", "return_reason"),
        *_times("shipped_at", "delivered_at", "returned_at", "updated_at"),
    )
    _table(
        "inventory",
        _key("product_id"),
        _key("warehouse_id"),
        *_counters("on_hand", "reserved"),
        *_times("updated_at"),
    )
    _table(
        "reviews",
        _key("review_id"),
        *_texts("product_id", "customer_id", "order_id", "title", "body", "status", "removal_reason"),
        sa.Column("rating", sa.SmallInteger),
        *_times("submitted_at", "updated_at"),
    )
    _table(
        "checkpoints",
        _key("topic"),
        sa.Column("partition", sa.Integer, primary_key=True),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
    )
    op.create_index("orders_customer_id", "orders", ["customer_id"], schema=SCHEMA)


def downgrade() -> None:
    """Drop all tables."""
    for name in (
        "checkpoints",
        "reviews",
        "inventory",
        "shipments",
        "payments",
        "order_items",
        "orders",
        "products",
        "customers",
    ):
        op.drop_table(name, schema=SCHEMA)


def _table(name: str, *columns: sa.Column[object]) -> None:
    op.create_table(name, *columns, schema=SCHEMA)


def _key(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Text, primary_key=True)


def _texts(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Text) for name in names]


def _times(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.TIMESTAMP(timezone=True)) for name in names]


def _cents(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.BigInteger) for name in names]


def _counters(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in names]
