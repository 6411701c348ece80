"""The table of the routes of the HTTP API, for the page that people write about it."""

from __future__ import annotations

from pathlib import Path

from docgen import markdown
from shoplake.api import access
from shoplake.api.openapi import document

PAGE = Path("docs") / "api.md"
BEGIN, END = markdown.markers("routes")


def table() -> str:
    """Each route with its role, its parameters and what it answers."""
    rows = []
    for path, methods in document()["paths"].items():
        operation = methods["get"]
        parameters = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        role = "no key" if path in access.PUBLIC else access.ROUTES[path]
        rows.append((markdown.code(path), role, ", ".join(map(markdown.code, parameters)), operation["description"]))
    return markdown.table(("GET", "role", "parameters", "answer"), rows)


def with_table(page: str) -> str:
    """The page, with the table between its markers.

    Raises:
        UsageError: it has no markers.
    """
    return markdown.filled(page, (BEGIN, END), table(), what=f"the table in {PAGE}")
