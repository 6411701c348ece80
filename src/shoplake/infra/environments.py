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
BOOTSTRAP = "bootstrap"  # no environment: what a person applies once per account


@dataclass(frozen=True, slots=True)
class Place:
    """The AWS account and region that an environment belongs to, as its terraform.tfvars says."""

    account_id: str
    region: str


@dataclass(frozen=True, slots=True)
class Environment:
    """One Terraform root and the folder where this stack keeps what belongs to it."""

    name: str
    root: Path
    folder: Path

    @property
    def on_aws(self) -> bool:
        """Whether it belongs to an AWS account; the others belong to an emulator."""
        return self.name in ON_AWS

    @property
    def data_dir(self) -> Path:
        """`TF_DATA_DIR`: providers, modules, the backend's configuration."""
        return self.folder / "data"

    @property
    def state(self) -> Path:
        """The state file of an emulated environment; two stacks in two folders have two."""
        return self.folder / "terraform.tfstate"

    @property
    def log(self) -> Path:
        """What the last run of Terraform said, as JSON lines."""
        return self.folder / "terraform.log"

    def place(self) -> Place:
        """Where on AWS it belongs.

        Raises:
            InfraError: terraform.tfvars does not say.
        """
        values = self.root / "terraform.tfvars"
        text = values.read_text(encoding="utf-8") if values.is_file() else ""
        found = dict(re.findall(r'^(account_id|region)\s*=\s*"([^"]+)"', text, re.MULTILINE))
        if found.keys() != {"account_id", "region"}:
            raise InfraError(
                f"{values} does not say which account and region '{self.name}' belongs to",
                fix='write `account_id = "…"` and `region = "…"` there',
            )
        return Place(account_id=found["account_id"], region=found["region"])


def source_tree() -> Path:
    """The folder of Terraform's files: the checkout's, or a copy of it where we must not or cannot write.

    Terraform writes a lock file into the root that it initialises. The files of an installed package belong to its
    installer (uv links them into several environments), and those of an image are read-only.
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
    """The environment of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in NAMES:
        raise UnknownName(f"unknown environment '{name}'", fix=f"use one of: {', '.join(NAMES)}")
    root = source_tree() / "environments" / name
    return Environment(name=name, root=root, folder=paths.home() / "terraform" / name)


def refuse_emulated(name: str) -> None:
    """Raise where an environment costs nothing, or there is none of that name.

    Raises:
        UsageError: the environment runs on an emulator, or does not exist.
    """
    if name in EMULATED:
        raise UsageError(
            f"'{name}' runs on an emulator, which costs nothing",
            fix=f"price an environment on AWS: {', '.join(ON_AWS)}",
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
