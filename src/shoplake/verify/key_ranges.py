"""Folds the log's events into what a table should hold, one share of its keys after the other.

DuckDB puts no aggregates of texts on the disk, so that those of a fold must fit in the memory that it has.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from shoplake.verify.comparison import Comparison

# Twice as many sessions still fit in the memory of `database.py`.
KEYS_AT_ONCE = 180_000


def fold_in_shares(cursor: duckdb.DuckDBPyConnection, comparison: Comparison, keys: Mapping[str, str]) -> None:
    """Make the expected table, over whatever was there, from the view `fold_<store>_<table>`.

    Args:
        cursor: whose variables `shares` and `share` the view's `in_share` looks at.
        comparison: the table.
        keys: each topic that it is folded from, and the column of it that the view asks `in_share` for.
    """
    shares = 1 + max(_distinct(cursor, topic, key) // KEYS_AT_ONCE for topic, key in keys.items())
    cursor.execute(f"CREATE OR REPLACE TABLE {comparison.expected} AS FROM {comparison.fold} LIMIT 0")
    cursor.execute(f"SET VARIABLE shares = {shares}")
    for share in range(shares):
        cursor.execute(f"SET VARIABLE share = {share}")
        cursor.execute(f"INSERT INTO {comparison.expected} FROM {comparison.fold}")


def _distinct(cursor: duckdb.DuckDBPyConnection, topic: str, key: str) -> int:
    return int(cursor.execute(f"SELECT approx_count_distinct({key}) FROM valid_{topic}").fetchall()[0][0])  # noqa: S608
