"""Add the charged back amount of a payment, and the model of a product variant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "shop"


def upgrade() -> None:
    """Add the columns. The existing rows have no such events."""
    charged_back = sa.Column("charged_back_cents", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("payments", charged_back, schema=SCHEMA)
    op.add_column("payments", sa.Column("chargeback_reason", sa.Text), schema=SCHEMA)
    op.add_column("products", sa.Column("model_id", sa.Text), schema=SCHEMA)
    op.add_column("products", sa.Column("variant", sa.Text), schema=SCHEMA)


def downgrade() -> None:
    """Drop the columns."""
    for table, column in (
        ("products", "variant"),
        ("products", "model_id"),
        ("payments", "chargeback_reason"),
        ("payments", "charged_back_cents"),
    ):
        op.drop_column(table, column, schema=SCHEMA)
