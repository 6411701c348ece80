"""The documentation is current, whole, and leads where it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from docgen import contract, examples, pages, settings, site
from shoplake.contract import EVENTS, type_name
from shoplake.errors import ShoplakeError
from shoplake.infra import terraform
from shoplake.paths import project_root
from shoplake.stack.doctor import checks

ROOT = project_root()
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"```.*?```", re.DOTALL)


def written_pages() -> list[Path]:
    """Every Markdown file that git knows or would take."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_generated_pages_are_current() -> None:
    assert pages.stale(ROOT, pages.render()) == [], "run `python -m docgen` and commit what it writes"


def test_a_page_that_differs_is_missing_or_is_nobodys_is_noticed(tmp_path: Path) -> None:
    wanted = {Path("docs/reference/a.md"): "a", Path("docs/reference/b.md"): "b", Path("docs/reference/c.md"): "c"}
    folder = tmp_path / "docs" / "reference"
    folder.mkdir(parents=True)
    (folder / "a.md").write_text("a")
    (folder / "b.md").write_text("an old one")
    (folder / "d.md").write_text("of an event that is gone")
    assert [path.name for path in pages.stale(tmp_path, wanted)] == ["b.md", "c.md", "d.md"]


@pytest.mark.parametrize("name", EVENTS)
def test_the_example_of_an_event_is_one(name: str) -> None:
    import msgspec

    example = examples.of(EVENTS[name])
    decoded = msgspec.json.decode(msgspec.json.encode(example), type=EVENTS[name])
    assert type_name(type(decoded)) == name
    assert set(example) == {"type", *EVENTS[name].__struct_fields__}


def test_every_event_has_a_page() -> None:
    assert {Path(path).stem for path in contract.pages()} == {*EVENTS, "index"}


def test_each_thing_that_doctor_looks_at_has_a_runbook() -> None:
    looked_at = {check.name for check in checks()} | {name for name, *_ in terraform.describe()}
    text = (ROOT / "docs" / "runbooks.md").read_text()
    assert looked_at == set(re.findall(r"(?m)^## (.+)$", text))


def test_the_variables_that_the_source_reads_are_documented() -> None:
    assert settings.read_in_source() == settings.VARIABLES.keys() | settings.WRITTEN.keys()


def test_links_between_files_lead_somewhere() -> None:
    broken = []
    for page in written_pages():
        for target in LINK.findall(FENCE.sub("", page.read_text())):
            path = target.partition("#")[0]
            if path and "://" not in path and not path.startswith("mailto:") and not (page.parent / path).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


def test_every_page_is_in_the_navigation() -> None:
    configuration = (ROOT / "mkdocs.yml").read_text()
    nav = yaml.safe_load(site.with_folders(configuration, ROOT / "docs"))["nav"]

    def named(part: object) -> set[str]:
        if isinstance(part, str):
            return {part}
        inner = part.values() if isinstance(part, dict) else part
        return {name for each in inner for name in named(each)}

    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert named(nav) == there | set(site.TOP.values())


def test_titles_in_the_navigation_are_those_of_the_pages() -> None:
    sources = {target: ROOT / name for name, target in site.TOP.items()}

    def titled(part: object) -> list[tuple[str, str]]:
        if not isinstance(part, dict):
            return [each for inner in part for each in titled(inner)] if isinstance(part, list) else []
        return [each for title, of in part.items() for each in ([(title, of)] if isinstance(of, str) else titled(of))]

    listed = titled(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert len(listed) > 25
    headings = {path: sources.get(path, ROOT / "docs" / path).read_text().partition("\n")[0] for _, path in listed}
    assert [(title, path) for title, path in listed if headings[path] != f"# {title}"] == [("Home", "index.md")]


def test_a_page_ends_with_a_link_to_edit_its_source() -> None:
    edit = "https://repo/edit/main/"
    assert f"({edit}docs/scale.md)" in site.edit_link(Path("docs/scale.md"), edit)
    assert f"({edit}SECURITY.md)" in site.edit_link(Path("SECURITY.md"), edit)
    assert not site.edit_link(Path("docs/reference/cli.md"), edit)


def test_a_link_out_of_the_docs_becomes_one_to_the_repository() -> None:
    known = {Path("docs/a.md"): Path("a.md"), Path("CONTRIBUTING.md"): Path("contributing.md")}
    text = "[c](../CONTRIBUTING.md#x) [t](../tests/conftest.py) [w](https://a.b) [n](nowhere.md) [s](#s)"
    assert site.rewritten(text, ROOT, Path("docs/a.md"), Path("a.md"), known, "https://repo/") == (
        "[c](contributing.md#x) [t](https://repo/tests/conftest.py) [w](https://a.b) [n](nowhere.md) [s](#s)"
    )
    top = site.rewritten("[a](docs/a.md)", ROOT, Path("CONTRIBUTING.md"), Path("contributing.md"), known, "")
    assert top == "[a](a.md)"


def test_the_reference_of_errors_has_every_code_once() -> None:
    text = (ROOT / ShoplakeError("").page.partition("#")[0]).read_text()
    found = re.findall(r"(?m)^## (SL\d+)$", text)
    assert len(found) == len(set(found)) > 20
