"""Add indexes that lead from an order to its payments and shipments, which the API reads with each order.

The indexes are built while sinks write. An interrupted run can be repeated.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = {"payments_order": "payments", "shipments_order": "shipments"}
"""Index -> its table."""


def upgrade() -> None:
    """Create the indexes. One that an interrupted run has left unfinished is dropped first."""
    with op.get_context().autocommit_block():
        for index, table in INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS shop.{index}")
            op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON shop.{table} (order_id, customer_id)")


def downgrade() -> None:
    """Drop the indexes."""
    with op.get_context().autocommit_block():
        for index in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS shop.{index}")
