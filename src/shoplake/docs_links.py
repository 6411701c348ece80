"""Where the documentation is: the file in a checkout, the published page for somebody who installed the package."""

from __future__ import annotations

from shoplake import paths

DOCUMENTATION = "https://example.github.io/shoplake"
"""The same as `project.urls` in pyproject.toml and `site_url` in mkdocs.yml."""


def page(name: str, anchor: str = "") -> str:
    """Where a page under `docs/` can be read: `page("reference/errors", "sl0203")`."""
    place = f"{DOCUMENTATION}/{name}/" if paths.installed() else f"docs/{name}.md"
    return f"{place}#{anchor}" if anchor else place
