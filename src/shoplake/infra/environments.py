"""The environments Terraform can build: on an emulator or in an AWS account, and where each keeps its state."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shoplake import paths, private_files
from shoplake.errors import InfraError, UnknownName, UsageError

EMULATED = ("local",)
ON_AWS = ("dev", "staging", "prod")
NAMES = (*EMULATED, *ON_AWS)
BOOTSTRAP = "bootstrap"  # not an environment: an administrator applies it once per account


@dataclass(frozen=True, slots=True)
class Place:
    """The AWS account and region of an environment, from its terraform.tfvars."""

    account_id: str
    region: str


@dataclass(frozen=True, slots=True)
class Environment:
    """One Terraform root module, and the folder with its state and logs."""

    name: str
    root: Path
    folder: Path

    @property
    def on_aws(self) -> bool:
        """Whether it runs in an AWS account. The others run on an emulator."""
        return self.name in ON_AWS

    @property
    def data_dir(self) -> Path:
        """`TF_DATA_DIR`: providers, modules, the backend's configuration."""
        return self.folder / "data"

    @property
    def state(self) -> Path:
        """State file of an emulated environment. Each stack has its own."""
        return self.folder / "terraform.tfstate"

    @property
    def log(self) -> Path:
        """Output of the last Terraform run, as JSON lines."""
        return self.folder / "terraform.log"

    def place(self) -> Place:
        """Return the AWS account and region.

        Raises:
            InfraError: terraform.tfvars does not set them.
        """
        values = self.root / "terraform.tfvars"
        text = values.read_text(encoding="utf-8") if values.is_file() else ""
        found = dict(re.findall(r'^(account_id|region)\s*=\s*"([^"]+)"', text, re.MULTILINE))
        if found.keys() != {"account_id", "region"}:
            raise InfraError(
                f"{values} does not set the account and region of '{self.name}'",
                fix='add `account_id = "…"` and `region = "…"`',
            )
        return Place(account_id=found["account_id"], region=found["region"])


def source_tree() -> Path:
    """Return the folder with the Terraform files: of the checkout, or a copy if the original must not be changed.

    Terraform writes a lock file into its root module. Files of an installed package belong to the installer (uv links
    them into several environments), and files of an image are read-only.
    """
    original = paths.project_root() / "terraform"
    if not original.is_dir() or (os.access(original, os.W_OK) and not paths.installed()):
        return original
    digest = hashlib.sha256()
    for file in sorted(original.rglob("*")):
        if file.is_file():
            digest.update(str(file.relative_to(original)).encode() + b"\0" + file.read_bytes())
    copy = paths.home() / "terraform" / f"source-{digest.hexdigest()[:12]}"
    if not copy.is_dir():
        _copy(original, copy)
    return copy


def _copy(original: Path, copy: Path) -> None:
    private_files.folder(copy.parent)
    unfinished = Path(tempfile.mkdtemp(dir=copy.parent))
    shutil.copytree(original, unfinished, copy_function=shutil.copyfile, dirs_exist_ok=True)
    for copied in (unfinished, *unfinished.rglob("*")):
        copied.chmod(private_files.FOLDER_MODE if copied.is_dir() else private_files.FILE_MODE)
    try:
        unfinished.rename(copy)
    except OSError:  # another process was quicker
        shutil.rmtree(unfinished)
        if not copy.is_dir():
            raise


def named(name: str) -> Environment:
    """Return the environment with this name.

    Raises:
        UsageError: no environment has this name.
    """
    if name not in NAMES:
        raise UnknownName(f"unknown environment '{name}'", fix=f"use one of: {', '.join(NAMES)}")
    root = source_tree() / "environments" / name
    return Environment(name=name, root=root, folder=paths.home() / "terraform" / name)


def refuse_emulated(name: str) -> None:
    """Raise if the environment runs on an emulator, which costs nothing.

    Raises:
        UsageError: the environment runs on an emulator, or does not exist.
    """
    if name in EMULATED:
        raise UsageError(
            f"'{name}' runs on an emulator, which costs nothing",
            fix=f"choose an environment on AWS: {', '.join(ON_AWS)}",
        )
    if name != BOOTSTRAP:
        named(name)


def planned_only(name: str) -> Environment:
    """The environment of that name, or the account's bootstrap, which a person applies and this program only plans.

    Raises:
        UsageError: there is none.
    """
    if name != BOOTSTRAP:
        return named(name)
    return Environment(name, source_tree() / BOOTSTRAP, paths.home() / "terraform" / BOOTSTRAP)
