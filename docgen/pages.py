"""All generated pages of the documentation, by their path in the checkout."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from docgen import (
    api,
    capabilities,
    commands,
    compose,
    contract,
    decisions,
    diagrams,
    errors,
    python_api,
    settings,
    stores,
    terraform,
)
from shoplake import paths

FOLDERS = ("docs/reference", "docs/diagrams")
"""Folders that hold generated files only."""


def render() -> dict[Path, str]:
    """Every generated file as it should be, by its path below the checkout."""
    found: dict[str, str] = {
        "docs/reference/errors.md": errors.page(),
        "docs/reference/cli.md": commands.page(),
        "docs/reference/settings.md": settings.page(),
        "docs/reference/stores.md": stores.page(),
        "docs/adr/index.md": decisions.page(),
        **python_api.pages(),
        **contract.pages(),
        **terraform.pages(),
        **diagrams.drawings(),
    }
    return {Path(path): text for path, text in found.items()} | _filled()


def stale(root: Path, wanted: Mapping[Path, str]) -> list[Path]:
    """Files that differ from what they should be, are missing, or should not be there."""
    there = {path.relative_to(root) for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file()}
    differs = {path for path, text in wanted.items() if _read(root / path) != text}
    return sorted(differs | (there - wanted.keys()))


def write(root: Path) -> list[Path]:
    """Bring the checkout's files to what they should be.

    Returns:
        The files that were written or removed.
    """
    wanted = render()
    changed = stale(root, wanted)
    for path in changed:
        if path in wanted:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(wanted[path], encoding="utf-8")
        else:
            (root / path).unlink()
    return changed


def _filled() -> dict[Path, str]:
    """Pages that people write, with a generated part between markers."""
    root = paths.project_root()
    return {
        api.PAGE: api.with_table(_read(root / api.PAGE) or ""),
        capabilities.PAGE: capabilities.with_table(_read(root / capabilities.PAGE) or ""),
        compose.PAGE: compose.with_drawing(_read(root / compose.PAGE) or ""),
    }


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
