"""Finds the columns that a condition in SQL names, with DuckDB's own parser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb

from shoplake.errors import QueryRefused

_FIX = "give a condition over dimensions of the metric, such as \"country = 'DE' and device in ('phone', 'tablet')\""


def names_in(condition: str) -> list[str]:
    """The names of columns in a condition, in order.

    Raises:
        QueryRefused: it is not one expression in SQL, or it has a query in it.
    """
    with duckdb.connect() as connection:
        # A line of its own for the bracket: a comment would hide it.
        found = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT (\n{condition}\n)"]).fetchone()
    parsed: dict[str, Any] = json.loads(found[0] if found else "{}")
    if parsed["error"]:
        raise QueryRefused(
            f"'{condition}' is not a condition in SQL: {parsed.get('error_message', '').splitlines()[0]}", fix=_FIX
        )
    statements = parsed["statements"]
    node = statements[0]["node"]
    if (
        len(statements) != 1
        or node["type"] != "SELECT_NODE"
        or len(node["select_list"]) != 1
        or node["from_table"]["type"] != "EMPTY"
        or node["where_clause"]
    ):
        raise QueryRefused(f"'{condition}' is more than one condition", fix=_FIX)
    return list(dict.fromkeys(_columns(node["select_list"][0], condition)))


def _columns(node: Any, condition: str) -> Iterator[str]:  # noqa: ANN401 - of DuckDB's tree
    if isinstance(node, list):
        for one in node:
            yield from _columns(one, condition)
    elif isinstance(node, dict):
        if node.get("class") in ("SUBQUERY", "STAR", "WINDOW"):
            raise QueryRefused(f"'{condition}' has a query, a star or a window in it", fix=_FIX)
        if node.get("class") == "COLUMN_REF":
            yield ".".join(node["column_names"])
            return
        for one in node.values():
            yield from _columns(one, condition)
