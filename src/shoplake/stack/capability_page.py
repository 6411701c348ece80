"""Prints the capability table into the docs: `python -m shoplake.stack.capability_page`. A test holds it current."""

from __future__ import annotations

import re
from pathlib import Path

from shoplake import paths
from shoplake.errors import UsageError
from shoplake.stack.capabilities import CAPABILITIES, MEASURED, TITLES, Capability, Emulator, Local, Support

PAGE = Path("docs") / "terraform.md"
BEGIN, END = "<!-- capabilities: begin -->", "<!-- capabilities: end -->"
OFF = "off"


def table() -> str:
    """Per environment and emulator what of each service is real, control plane only, or off."""
    emulators = [f"local on {TITLES[emulator]} {version}" for emulator, version in MEASURED.items()]
    header = ["service", "for", *emulators, "dev, staging, prod", "note on the emulators"]
    rows = [
        [row.service, row.used_for, *(_local(row, each) for each in MEASURED), _aws(row), row.note]
        for row in CAPABILITIES
    ]
    return "\n".join(_line(cells) for cells in [header, ["---"] * len(header), *rows])


def with_table(page: str) -> str:
    """The page, with the table between its markers.

    Raises:
        UsageError: it has no markers.
    """
    marked = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not marked.search(page):
        raise UsageError(f"{PAGE} has no place for the table", fix=f"write {BEGIN} and {END} where it belongs")
    return marked.sub(lambda _: f"{BEGIN}\n{table()}\n{END}", page)


def main() -> None:
    """Write the table into the page of this checkout."""
    page = paths.project_root() / PAGE
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")


def _local(row: Capability, emulator: Emulator) -> str:
    support = row.on(emulator)
    return OFF if row.local is Local.OFF or support is Support.MISSING else support.value


def _aws(row: Capability) -> str:
    return row.on("aws").value if row.used_for else OFF


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
