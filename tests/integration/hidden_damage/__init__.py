"""Damage that leaves each row's text as it is, or that nobody can read: types, structure, bookkeeping, foreign bytes.

Each entry does its damage and gives the finding that has to name it: kind, table, key, and a part of what it says. All
entries of one store are done together, to different rows, so that one verification has to tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shoplake.settings import Settings

from .dynamodb import DYNAMODB, items_of
from .finding import ExpectedFinding
from .lake import LAKE, tables_of
from .mongo import MONGO, documents_of
from .postgres import POSTGRES, connection_of
from .redis import REDIS, board_of

HIDDEN: Mapping[str, tuple[Callable[[Settings], Any], Mapping[str, Callable[[Any], ExpectedFinding]]]] = {
    "redis": (board_of, REDIS),
    "mongo": (documents_of, MONGO),
    "postgres": (connection_of, POSTGRES),
    "dynamodb": (items_of, DYNAMODB),
    "lake": (tables_of, LAKE),
}
"""Store -> how to open it, and the damage by name."""
