"""Words for the terminal that are not a command's result."""

from __future__ import annotations

import sys


def to_stderr(text: str) -> None:
    """A line that is not part of the progress."""
    print(text, file=sys.stderr, flush=True)


def counted(number: int, what: str) -> str:
    """A number with its noun, `1 letter` or `2 letters`; for nouns whose plural ends in s."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
