"""Store the topic ids: a topic that was deleted and created again has other events at the same offsets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
SCHEMA = "shop"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "topics",
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("identity", sa.Text, nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("topics", schema=SCHEMA)
