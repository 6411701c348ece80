"""An id is unique within the key of its topic: the primary keys say which customer's order, which product's review.

The indexes are built beside writers, and the keys changed in one short step for each table. It may be repeated where
it was interrupted.
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
"""Table → its new key; the second column is the added one."""

ANOTHER_FOLLOWS = "-- squawk-ignore ban-drop-constraint\n"
"""What is dropped is replaced in the same step, or was there for the step alone."""


def upgrade() -> None:
    """Add the customer to an order's items, then widen the keys."""
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
    """Narrow the keys; of rows that then have one key, the first stays."""
    for table, columns in KEYS.items():
        narrow = (columns[0], *columns[2:])
        same = " AND ".join(f"a.{name} = b.{name}" for name in narrow)
        op.execute(f"DELETE FROM shop.{table} AS a USING shop.{table} AS b WHERE {same} AND a.ctid > b.ctid")  # noqa: S608
        _change_key(table, narrow)
        op.execute(f"ALTER TABLE shop.{table} ALTER COLUMN {columns[1]} DROP NOT NULL")
    op.execute("ALTER TABLE shop.order_items DROP COLUMN customer_id")


def _fill(table: str, column: str) -> None:
    """Make sure that the column is never null; the check is looked at without a lock that stops writers."""
    check = f"{table}_{column}_there"
    op.execute(f"{ANOTHER_FOLLOWS}ALTER TABLE shop.{table} DROP CONSTRAINT IF EXISTS {check}")
    op.execute(f"ALTER TABLE shop.{table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID")
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE shop.{table} VALIDATE CONSTRAINT {check}")
    op.execute(f"ALTER TABLE shop.{table} ALTER COLUMN {column} SET NOT NULL")
    op.execute(f"{ANOTHER_FOLLOWS}ALTER TABLE shop.{table} DROP CONSTRAINT {check}")


def _change_key(table: str, columns: tuple[str, ...]) -> None:
    index = f"{table}_key"
    with op.get_context().autocommit_block():
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS shop.{index}")
        op.execute(f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {index} ON shop.{table} ({', '.join(columns)})")
    op.execute(f"{ANOTHER_FOLLOWS}ALTER TABLE shop.{table} DROP CONSTRAINT {table}_pkey")
    op.execute(f"ALTER TABLE shop.{table} ADD CONSTRAINT {table}_pkey PRIMARY KEY USING INDEX {index}")
