"""Add the topic's key to the primary keys: an order id is unique per customer, a review id per product.

The indexes are built while sinks write, and each primary key is replaced in one short step. An interrupted run can be
repeated.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEYS = {
    "orders": ("order_id", "customer_id"),
    "order_items": ("order_id", "customer_id", "line_no"),
    "payments": ("payment_id", "customer_id"),
    "shipments": ("shipment_id", "customer_id"),
    "reviews": ("review_id", "product_id"),
}
"""Table → its new key; the second column is the new one."""

ALLOW_DROP = "-- squawk-ignore ban-drop-constraint\n"
"""Dropping is safe: the constraint is replaced in the same step, or existed only for this step."""


def upgrade() -> None:
    """Add the customer to the order items, then add it to the keys."""
    op.execute("ALTER TABLE shop.order_items ADD COLUMN IF NOT EXISTS customer_id text")
    op.execute(
        "UPDATE shop.order_items AS i SET customer_id = "
        "coalesce((SELECT o.customer_id FROM shop.orders AS o WHERE o.order_id = i.order_id), '') "
        "WHERE i.customer_id IS NULL"
    )
    for table, columns in KEYS.items():
        _fill(table, columns[1])
        _change_key(table, columns)


def downgrade() -> None:
    """Remove the added columns from the keys; of rows with the same key, the first is kept."""
    for table, columns in KEYS.items():
        narrow = (columns[0], *columns[2:])
        same = " AND ".join(f"a.{name} = b.{name}" for name in narrow)
        op.execute(f"DELETE FROM shop.{table} AS a USING shop.{table} AS b WHERE {same} AND a.ctid > b.ctid")  # noqa: S608
        _change_key(table, narrow)
        op.execute(f"ALTER TABLE shop.{table} ALTER COLUMN {columns[1]} DROP NOT NULL")
    op.execute("ALTER TABLE shop.order_items DROP COLUMN customer_id")


def _fill(table: str, column: str) -> None:
    """Make the column not null; the check is validated without a lock that blocks writers."""
    check = f"{table}_{column}_there"
    op.execute(f"{ALLOW_DROP}ALTER TABLE shop.{table} DROP CONSTRAINT IF EXISTS {check}")
    op.execute(f"ALTER TABLE shop.{table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID")
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE shop.{table} VALIDATE CONSTRAINT {check}")
    op.execute(f"ALTER TABLE shop.{table} ALTER COLUMN {column} SET NOT NULL")
    op.execute(f"{ALLOW_DROP}ALTER TABLE shop.{table} DROP CONSTRAINT {check}")


def _change_key(table: str, columns: tuple[str, ...]) -> None:
    index = f"{table}_key"
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS shop.{index}")
        op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {index} ON shop.{table} ({', '.join(columns)})")
    op.execute(f"{ALLOW_DROP}ALTER TABLE shop.{table} DROP CONSTRAINT {table}_pkey")
    op.execute(f"ALTER TABLE shop.{table} ADD CONSTRAINT {table}_pkey PRIMARY KEY USING INDEX {index}")
