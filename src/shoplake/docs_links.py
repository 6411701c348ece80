"""Links to the documentation: files in a checkout, published pages for an installed package."""

from __future__ import annotations

from shoplake import paths

DOCUMENTATION = "https://example.github.io/shoplake"
"""The same as `project.urls` in pyproject.toml and `site_url` in mkdocs.yml."""


def page(name: str, anchor: str = "") -> str:
    """The path or URL of a page under `docs/`: `page("reference/errors", "sl0203")`."""
    place = f"{DOCUMENTATION}/{name}/" if paths.installed() else f"docs/{name}.md"
    return f"{place}#{anchor}" if anchor else place
