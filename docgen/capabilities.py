"""The capability table, for the page that people write about Terraform."""

from __future__ import annotations

from pathlib import Path

from docgen import markdown
from shoplake.stack.capabilities import CAPABILITIES, MEASURED, TITLES, Capability, Emulator, Local, Support

PAGE = Path("docs") / "terraform.md"
BEGIN, END = markdown.markers("capabilities")
OFF = "off"


def table() -> str:
    """Per environment and emulator what of each service is real, control plane only, or off."""
    emulators = [f"local on {TITLES[emulator]} {version}" for emulator, version in MEASURED.items()]
    header = ["service", "for", *emulators, "dev, staging, prod", "note on the emulators"]
    rows = [
        [row.service, row.used_for, *(_local(row, each) for each in MEASURED), _aws(row), row.note]
        for row in CAPABILITIES
    ]
    return markdown.table(header, rows)


def with_table(page: str) -> str:
    """The page, with the table between its markers.

    Raises:
        UsageError: it has no markers.
    """
    return markdown.filled(page, (BEGIN, END), table(), what=f"the table in {PAGE}")


def _local(row: Capability, emulator: Emulator) -> str:
    support = row.on(emulator)
    return OFF if row.local is Local.OFF or support is Support.MISSING else support.value


def _aws(row: Capability) -> str:
    return row.on("aws").value if row.used_for else OFF
