"""Find Terraform or OpenTofu, or download the pinned release. runner.py runs it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path

from shoplake import environ, paths
from shoplake.errors import DownloadFailed, InfraError, TerraformUnavailable
from shoplake.infra import provider_mirror

PINNED = "1.11.4"
MINIMUM = (1, 11)  # write-only arguments and ephemeral variables keep passwords out of the state
RELEASES = "https://releases.hashicorp.com/terraform"
PRODUCTS = {"terraform": "Terraform", "tofu": "OpenTofu"}
DOWNLOAD_TIMEOUT_S = 60
VERSION_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Binary:
    """A Terraform executable. `command` is `terraform` or `tofu`."""

    path: Path
    command: str
    version: str

    def __str__(self) -> str:
        return f"{PRODUCTS[self.command]} {self.version} ({self.path})"

    @property
    def recent_enough(self) -> bool:
        """Whether it supports all features that the modules use."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version)[:2]) >= MINIMUM


def ensure() -> Binary:
    """Return Terraform or OpenTofu from PATH, else from the cache, else a verified download.

    Raises:
        DownloadFailed: the download failed or does not match the published checksum.
    """
    return find() or _download()


def find() -> Binary | None:
    """Return the first recent enough executable on PATH or in the cache."""
    usable = (binary for binary in _installed() if binary.recent_enough)
    return next(usable, None)


def describe() -> list[tuple[str, str, bool]]:
    """Return rows for `doctor`: name, what was found, and whether that is enough."""
    return [_describe_binary(), _describe_provider()]


def _describe_binary() -> tuple[str, str, bool]:
    installed = _installed()
    usable = next((binary for binary in installed if binary.recent_enough), None)
    if usable:
        return ("terraform", str(usable), True)
    old = "".join(f"{binary} is too old; " for binary in installed)
    return ("terraform", f"{old}{PINNED} is downloaded at the first apply", True)


def _describe_provider() -> tuple[str, str, bool]:
    binary = find()
    try:
        found = provider_mirror.find(binary.command if binary else "terraform")
    except InfraError as error:
        return ("aws provider", error.message, False)
    return ("aws provider", str(found) if found else "no mirror; downloaded from the registry at the first apply", True)


def _installed() -> list[Binary]:
    """Every candidate that runs, best first."""
    candidates = [(command, shutil.which(command)) for command in PRODUCTS]
    candidates.append(("terraform", str(_cached()) if _cached().exists() else None))
    found = [_probe(command, Path(path)) for command, path in candidates if path]
    return [binary for binary in found if binary]


def _probe(command: str, path: Path) -> Binary | None:
    """The binary with its version; None when it does not run."""
    # A config file that is named and missing makes Terraform warn in the middle of its JSON.
    try:
        answer = subprocess.run(
            [str(path), "version", "-json"],
            capture_output=True,
            check=True,
            env=environ.terraform({"CHECKPOINT_DISABLE": "1"}),
            timeout=VERSION_TIMEOUT_S,
            cwd=path.parent,
        )
        return Binary(path=path, command=command, version=json.loads(answer.stdout)["terraform_version"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        return None


def _cached() -> Path:
    return paths.cache() / f"terraform-{PINNED}" / "terraform"


def _download() -> Binary:
    """The pinned release, checked against the SHA256SUMS published beside it."""
    base = f"{os.environ.get('SHOPLAKE_TERRAFORM_URL', RELEASES).rstrip('/')}/{PINNED}"
    archive = f"terraform_{PINNED}_{provider_mirror.platform_name()}.zip"
    expected = _published_sha256(_fetch(f"{base}/terraform_{PINNED}_SHA256SUMS").decode(), archive)
    content = _fetch(f"{base}/{archive}")
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DownloadFailed(
            f"{base}/{archive} has sha256 {found}, expected the published {expected}",
            fix="try again; if it fails again, do not use this download: install Terraform >= 1.11 yourself",
        )
    _unpack(content, _cached())
    binary = _probe("terraform", _cached())
    if binary is None:
        raise TerraformUnavailable(
            f"{_cached()} does not run on {platform.platform()}",
            fix="put terraform or tofu >= 1.11 on PATH",
        )
    return binary


def _published_sha256(sums: str, archive: str) -> str:
    for line in sums.splitlines():
        digest, _, name = line.partition(" ")
        if name.strip() == archive:
            return digest
    raise DownloadFailed(
        f"the published SHA256SUMS of Terraform {PINNED} do not list {archive}",
        fix="put terraform or tofu >= 1.11 on PATH; there may be no release for this platform",
    )


def _fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=DOWNLOAD_TIMEOUT_S) as answer:  # noqa: S310 - ours, or the user's own
            content: bytes = answer.read()
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise DownloadFailed(
            f"Terraform {PINNED} could not be downloaded from {url}: {error}",
            fix="put terraform or tofu >= 1.11 on PATH, or set SHOPLAKE_TERRAFORM_URL to a copy of the releases",
        ) from error
    return content


def _unpack(archive: bytes, target: Path) -> None:
    """Writes the executable in one step, so that a second process never sees half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as unpacked:
            executable = unpacked.read("terraform")
    except (zipfile.BadZipFile, KeyError) as error:
        raise DownloadFailed(f"the archive of Terraform {PINNED} contains no terraform: {error}") from error
    descriptor, name = tempfile.mkstemp(dir=target.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(executable)
    Path(name).chmod(0o755)
    Path(name).replace(target)
