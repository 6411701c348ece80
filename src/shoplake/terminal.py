"""Helpers for messages on the terminal."""

from __future__ import annotations

import sys


def to_stderr(text: str) -> None:
    """Print a line to stderr, outside of the progress display."""
    print(text, file=sys.stderr, flush=True)


def counted(number: int, what: str) -> str:
    """A number with its noun: `1 event`, `2 events`. For nouns whose plural ends in s."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
