"""Lays the documentation out for the site generator: all pages in one folder, links that lead out of it made right.

Pages link to files of the checkout, as GitHub shows them; on the site those are elsewhere.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

MERMAID = re.compile(r"```mermaid\n.*?```", re.DOTALL)
"""GitHub draws it; the site would fetch a script from elsewhere, and shows docgen's drawing of the same instead."""

FOLDER_PAGE = re.compile(r"(?m)^( +)- ([^:\n]+): (\S+)/index\.md$")
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
TOP = {
    "CONTRIBUTING.md": "contributing.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages of the checkout's top that are on the site as well."""


def lay_out(root: Path, out: Path) -> None:
    """Write `docs/` and the top's pages into `out/docs`, and `mkdocs.yml` beside it."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    configuration = (root / "mkdocs.yml").read_text(encoding="utf-8")
    (out / "mkdocs.yml").write_text(with_folders(configuration, root / "docs"), encoding="utf-8")
    blob = f"{yaml.safe_load(configuration)['repo_url']}/blob/main/"
    files = [path for path in (root / "docs").rglob("*") if path.is_file()]
    sources = {path.relative_to(root): path.relative_to(root / "docs") for path in files}
    sources |= {Path(name): Path(target) for name, target in TOP.items()}
    for source, target in sources.items():
        written = out / "docs" / target
        written.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            text = MERMAID.sub(
                "![services of Compose](diagrams/compose.svg)", (root / source).read_text(encoding="utf-8")
            )
            page = rewritten(text, root, source, target, sources, blob)
            written.write_text(page + edit_link(source, blob.replace("/blob/", "/edit/")), encoding="utf-8")
        else:
            shutil.copyfile(root / source, written)


def with_folders(configuration: str, docs: Path) -> str:
    """The configuration, whose navigation names the index of a folder, with the other pages of that folder below it."""

    def listed(match: re.Match[str]) -> str:
        indent, title, folder = match.groups()
        pages = sorted(page.name for page in (docs / folder).glob("*.md"))
        lines = [f"{indent}    - {folder}/{name}" for name in ("index.md", *(p for p in pages if p != "index.md"))]
        return "\n".join([f"{indent}- {title}:", *lines])

    return FOLDER_PAGE.sub(listed, configuration)


def rewritten(text: str, root: Path, source: Path, target: Path, pages: dict[Path, Path], blob: str) -> str:
    """The page with its links made right for where it is on the site.

    A link to another page of the site stays one; one to any other file of the checkout leads to the repository.
    """

    def link(match: re.Match[str]) -> str:
        path, hash_, anchor = match[2].partition("#")
        if not path or "://" in path or path.startswith(("mailto:", "/")):
            return match[0]
        found = Path(*_normal((source.parent / path).parts))
        if found in pages:
            return f"{match[1]}{_relative(pages[found], target.parent)}{hash_}{anchor}{match[3]}"
        if (root / found).exists():
            return f"{match[1]}{blob}{found.as_posix()}{hash_}{anchor}{match[3]}"
        return match[0]  # on the site already, or wrong: the strict build says which

    return LINK.sub(link, text)


def edit_link(source: Path, edit: str) -> str:
    """Return a last line that leads to the page's source in the repository; nothing for a generated page.

    The site builder's own edit links assume that every page is below `docs/`.
    """
    if source.is_relative_to("docs/reference") or source == Path("docs/adr/index.md"):
        return ""
    return f"\n[Edit this page]({edit}{source.as_posix()}){{ .edit-page }}\n"


def _normal(parts: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for part in parts:
        if part == ".." and found:
            found.pop()
        elif part != ".":
            found.append(part)
    return found


def _relative(to: Path, start: Path) -> str:
    shared = 0
    for one, other in zip(to.parts, start.parts, strict=False):
        if one != other:
            break
        shared += 1
    return "/".join([*[".."] * (len(start.parts) - shared), *to.parts[shared:]])
