"""Fold the events of the log into the expected rows of a table, one group of keys after another.

DuckDB cannot spill aggregates of text to disk, so the aggregates of one group must fit in memory.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from shoplake.verify.comparison import Comparison

# Twice as many sessions still fit in the memory limit of `database.py`.
KEYS_AT_ONCE = 180_000


def fold_in_shares(
    cursor: duckdb.DuckDBPyConnection, comparison: Comparison, keys: Mapping[str, str], key_weight: int = 1
) -> None:
    """Create or replace the expected table from the view `fold_<store>_<table>`.

    Args:
        cursor: this function sets its variables `shares` and `share`, which `in_share` in the view reads.
        comparison: the table.
        keys: for each source topic, the column that the view passes to `in_share`.
        key_weight: memory of a key, as a multiple of the memory of a session.
    """
    shares = 1 + max(_distinct(cursor, topic, key) * key_weight // KEYS_AT_ONCE for topic, key in keys.items())
    cursor.execute(f"CREATE OR REPLACE TABLE {comparison.expected} AS FROM {comparison.fold} LIMIT 0")
    cursor.execute(f"SET VARIABLE shares = {shares}")
    for share in range(shares):
        cursor.execute(f"SET VARIABLE share = {share}")
        cursor.execute(f"INSERT INTO {comparison.expected} FROM {comparison.fold}")


def _distinct(cursor: duckdb.DuckDBPyConnection, topic: str, key: str) -> int:
    return int(cursor.execute(f"SELECT approx_count_distinct({key}) FROM valid_{topic}").fetchall()[0][0])  # noqa: S608
