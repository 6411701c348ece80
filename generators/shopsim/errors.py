"""What this package raises on purpose; it imports no errors of others, so that it can be used alone."""

from __future__ import annotations


class ScenarioError(ValueError):
    """A scenario that cannot be simulated.

    Attributes:
        file: where it came from, a path or a shipped name (empty for a mapping in memory).
        key: dotted path of the value that is wrong, empty for the document itself.
        expected: what would have been right.
        found: what is there.
        nearest: the valid key that looks most like an unknown one, or empty.
    """

    def __init__(self, *, file: str = "", key: str = "", expected: str, found: str, nearest: str = "") -> None:
        where = ": ".join(part for part in (file, key) if part) or "scenario"
        hint = f" (did you mean `{nearest}`?)" if nearest else ""
        super().__init__(f"{where}: expected {expected}, found {found}{hint}")
        self.file, self.key, self.expected, self.found, self.nearest = file, key, expected, found, nearest


class WorkerFailed(RuntimeError):
    """A simulating process died or raised; the message carries its traceback."""
