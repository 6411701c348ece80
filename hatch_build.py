"""README.md as the package index shows it: links to files of the repository become addresses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = re.compile(r"\]\((?!https?://|#)([^)\s]+)\)")
_IMAGE = re.compile(r"(!\[[^\]]*\])\((?!https?://)([^)\s]+)\)")


class ReadmeHook(MetadataHookInterface):  # type: ignore[misc, unused-ignore]
    """Sets `readme`, which pyproject.toml declares as dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Called with the project's metadata before each build."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        place = f"{metadata['urls']['Source']}/blob/main"
        text = _IMAGE.sub(rf"\1({metadata['urls']['Source']}/raw/main/\2)", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": _RELATIVE.sub(rf"]({place}/\1)", text)}
