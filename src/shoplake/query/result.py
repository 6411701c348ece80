"""What a statement is allowed, and what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Limits:
    """How many rows are returned at most, and how long a statement may take."""

    rows: int = 1000
    timeout_s: float = 60


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of a statement; `truncated` where the store has more than were asked for."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    truncated: bool = False

    @classmethod
    def of(cls, columns: Sequence[str], fetched: Sequence[tuple[Any, ...]], limit: int) -> Result:
        """The result of a fetch of one row more than the limit."""
        return cls(tuple(columns), fetched[:limit], truncated=len(fetched) > limit)
