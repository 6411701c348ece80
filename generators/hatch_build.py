"""Add the contract to shopsim's wheel and source archive: the simulator needs no other part of the platform.

`shoplake.contract` belongs to this distribution. Shoplake's wheel leaves it out and depends on this one, so no file
belongs to two distributions. Without shoplake installed, the folder `shoplake` is a namespace package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CONTRACT = "shoplake/contract"


class ContractHook(BuildHookInterface):  # type: ignore[type-arg, misc, unused-ignore]
    """Adds `shoplake/contract` from the checkout, or from the source archive that was made from one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before each build; an editable one finds the contract in the checkout's own `src`."""
        if version == "editable":
            return
        checkout, archive = Path(self.root).parent / "src" / CONTRACT, Path(self.root) / CONTRACT
        build_data["force_include"][str(archive if archive.is_dir() else checkout)] = CONTRACT
