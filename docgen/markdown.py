"""Markdown as all generated pages need it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from shoplake.errors import UsageError

NOTE = "<!-- Made by `python -m docgen`; edit the source it is made from. -->"


def page(title: str, *parts: str) -> str:
    """A whole page: its title, the note that it is generated, and its parts with an empty line between them."""
    return "\n\n".join([f"# {title}", NOTE, *(part.strip("\n") for part in parts if part)]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; what stands in a cell may hold anything but is put on one line."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def code(text: str) -> str:
    """Text as code within a line; nothing for an empty one."""
    return f"`{text}`" if text else ""


def block(text: str, language: str = "") -> str:
    """Text as a block of code."""
    return f"```{language}\n{text.strip()}\n```"


def markers(name: str) -> tuple[str, str]:
    """Marks at the start and end of the generated part of a hand-written page."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def filled(page: str, between: tuple[str, str], text: str, *, what: str) -> str:
    """The page with the text between its markers; what stands around them stays.

    Raises:
        UsageError: it has no markers; `what` says what is missing where.
    """
    begin, end = between
    marked = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    if not marked.search(page):
        raise UsageError(f"there is no place for {what}", fix=f"write {begin} and {end} where it belongs")
    return marked.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
