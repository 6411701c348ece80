"""Finds the Terraform that a test wants to stop or kill."""

from __future__ import annotations

from pathlib import Path


def terraform_of(home: Path) -> int:
    """Pid of the Terraform that applies for a home."""
    for entry in Path("/proc").iterdir():
        try:
            command, variables = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        program, *arguments = command.split(b"\0")
        ours = f"TF_DATA_DIR={home}".encode() in variables
        if ours and program.endswith((b"terraform", b"tofu")) and arguments[:1] == [b"apply"]:
            return int(entry.name)
    raise AssertionError("no Terraform applies")
