"""What this package raises on purpose; it imports no errors of others, so that it can be used alone."""

from __future__ import annotations

from typing import NamedTuple

from shopsim.error_wording import printable


class Problem(NamedTuple):
    """Something wrong with a scenario: the key's path, what would have been right, what is there, the nearest right."""

    key: str
    expected: str
    found: str
    nearest: str = ""


class ScenarioError(ValueError):
    """A scenario that cannot be simulated.

    Attributes:
        file: where it came from, a path or a shipped name (empty for a mapping in memory).
        line, column: the place in the file, from 1; None where there is none.
        key: path of the value that is wrong (`funnel.cart`, `categories[0].name`), empty for the document itself.
        expected: what would have been right.
        found: what is there.
        nearest: the valid word that looks most like an unknown one, or empty.
    """

    def __init__(
        self,
        *,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
        key: str = "",
        expected: str,
        found: str,
        nearest: str = "",
    ) -> None:
        at = ":".join(f"{part}" for part in (file or "scenario", line, column) if part is not None)
        where = ": ".join(part for part in (at if file or not key else "", key) if part)
        hint = f" (did you mean `{nearest}`?)" if nearest else ""
        super().__init__(printable(f"{where}: expected {expected}, found {found}{hint}"))
        self.file, self.line, self.column, self.key = file, line, column, key
        self.expected, self.found, self.nearest = expected, found, nearest


class WorkerFailed(RuntimeError):
    """A simulating process died or raised; the message carries its traceback."""
