"""Accept sessions that DynamoDB's TTL removed and that a later event created again.

DynamoDB deletes an item at some time after `expires_at`. A later event of the session then creates a new item. So an
item may be the fold of its session's last events, from any event before which the item had expired. These forms are
accepted, and no others.
"""

from __future__ import annotations

import duckdb

from shoplake.verify.comparison import Comparison
from shoplake.verify.database import columns, count

RETENTION_S = 730 * 86_400


def expect_removed(cursor: duckdb.DuckDBPyConnection, sessions: Comparison, now_s: int) -> None:
    """Put such a form in place of what is expected of a session, where the store holds it.

    Args:
        cursor: of the database with both sides, where `session_events` and its fold are views.
        sessions: the table.
        now_s: what has expired before, may have been removed.
    """
    expired_ms = (now_s - RETENTION_S) * 1000
    names = list(columns(cursor, sessions.expected))
    cursor.execute(
        f"""
        CREATE OR REPLACE TABLE brought_back AS
        SELECT e.pk FROM {sessions.expected} AS e
        JOIN {sessions.found} AS f ON e.pk = f.pk
        WHERE e.pk IN (SELECT session_id FROM ev_clicks WHERE occurred_at_ms < ?) AND NOT ({_same(names)})
        """,  # noqa: S608 - our own names
        [expired_ms],
    )
    if not count(cursor, "brought_back"):
        return
    cursor.execute(
        """
        CREATE OR REPLACE TABLE parts AS
        SELECT session_id, kafka_offset, 'part-' || row_number() OVER () AS part
        FROM (
            SELECT session_id, kafka_offset, max(occurred_at_ms) OVER (
                PARTITION BY session_id ORDER BY kafka_offset ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS before_ms
            FROM ev_clicks
            WHERE session_id IN (SELECT pk FROM brought_back)
        )
        WHERE before_ms < ?
        """,
        [expired_ms],
    )
    cursor.execute(
        """
        CREATE OR REPLACE VIEW session_events AS
        SELECT e.* REPLACE (p.part AS session_id)
        FROM ev_clicks AS e
        JOIN parts AS p ON e.session_id = p.session_id AND e.kafka_offset >= p.kafka_offset
        """
    )
    cursor.execute("SET VARIABLE shares = 1; SET VARIABLE share = 0")
    cursor.execute(
        f"""
        CREATE OR REPLACE TABLE accepted AS
        SELECT DISTINCT e.*
        FROM (
            SELECT folded.* REPLACE (p.session_id AS pk)
            FROM {sessions.fold} AS folded
            JOIN parts AS p ON folded.pk = p.part
        ) AS e
        JOIN {sessions.found} AS f ON e.pk = f.pk
        WHERE {_same(names)}
        """  # noqa: S608 - our own names
    )
    cursor.execute(f"DELETE FROM {sessions.expected} WHERE pk IN (SELECT pk FROM accepted)")  # noqa: S608
    cursor.execute(f"INSERT INTO {sessions.expected} BY NAME SELECT * FROM accepted")  # noqa: S608
    cursor.execute("CREATE OR REPLACE VIEW session_events AS SELECT * FROM ev_clicks")


def _same(names: list[str]) -> str:
    """SQL condition: the expected row `e` equals the found row `f`, whose columns are text."""
    return " AND ".join(f'CAST(e."{name}" AS VARCHAR) IS NOT DISTINCT FROM f."{name}"' for name in names)
