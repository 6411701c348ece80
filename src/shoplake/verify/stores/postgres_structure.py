"""The structure of schema `shop`: tables, columns, constraints, indexes, and triggers or rules that change rows."""

from __future__ import annotations

from importlib import resources
from typing import cast

import psycopg

from shoplake.verify.structure_diff import wanted


def expected() -> dict[str, str]:
    """Return the structure after the newest migration: name -> description."""
    return cast("dict[str, str]", wanted("postgres"))


def read(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, str]:
    """Return the existing structure, in the same form. Empty if no migration has run."""
    if connection.execute("SELECT to_regnamespace('shop')").fetchone() == (None,):
        return {}
    text = resources.files("shoplake.verify").joinpath("sql", "postgres_structure.sql").read_text("utf-8")
    rows = connection.execute(text).fetchall()
    return {str(name): str(description) for name, description in rows}
