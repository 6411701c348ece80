"""An installed package with sinks of its own: its metadata and its module, in a folder for `sys.path`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write(folder: Path, sinks: Mapping[str, str], module: str) -> Path:
    """Write the package `other-sinks` into a folder, and return the folder.

    Args:
        folder: an empty one.
        sinks: name of a sink -> what makes it, in the module `other_sinks`.
        module: source of the module.
    """
    metadata = folder / "other_sinks-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: other-sinks\nVersion: 1.0\n")
    lines = [f"{name} = other_sinks:{made_by}" for name, made_by in sinks.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[shoplake.sinks]", *lines, ""]))
    (folder / "other_sinks.py").write_text(module)
    return folder
