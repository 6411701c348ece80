"""The environments Terraform can build, and where each keeps its state on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shoplake import paths
from shoplake.errors import UsageError

NAMES = ("local",)


@dataclass(frozen=True, slots=True)
class Environment:
    """One Terraform root and the folder where this stack keeps what belongs to it."""

    name: str
    root: Path
    folder: Path

    @property
    def data_dir(self) -> Path:
        """`TF_DATA_DIR`: providers, modules, the backend's configuration."""
        return self.folder / "data"

    @property
    def state(self) -> Path:
        """The state file; two stacks in two folders have two."""
        return self.folder / "terraform.tfstate"

    @property
    def log(self) -> Path:
        """What the last run of Terraform said, as JSON lines."""
        return self.folder / "terraform.log"


def named(name: str) -> Environment:
    """The environment of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in NAMES:
        raise UsageError(f"unknown environment '{name}'", fix=f"use one of: {', '.join(NAMES)}")
    root = paths.project_root() / "terraform" / "environments" / name
    return Environment(name=name, root=root, folder=paths.home() / "terraform" / name)
