"""Errors of this package. It imports no errors of other packages, so that it can be used alone."""

from __future__ import annotations

from typing import NamedTuple

from shopsim.error_wording import printable


class Problem(NamedTuple):
    """One problem of a scenario: path of the key, expected, found, and the most similar valid word."""

    key: str
    expected: str
    found: str
    nearest: str = ""


class ScenarioError(ValueError):
    """An invalid scenario.

    Attributes:
        file: path or name of the scenario; empty for a mapping in memory.
        line, column: position in the file, from 1; None without a file.
        key: path of the invalid value (`funnel.cart`, `categories[0].name`); empty for the whole document.
        expected: a description of valid values.
        found: the value that was found.
        nearest: the valid word that is most similar to an unknown one, or empty.
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
    """A worker process died or raised an error; the message has its traceback."""
