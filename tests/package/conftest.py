"""The two wheels and archives of this checkout, and environments that they are installed into, far from it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from shoplake.paths import project_root

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Program:
    """A program of an environment that somebody else installed: with his folders, and none of our variables."""

    path: Path
    folder: Path

    def __call__(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.path), *arguments],
            cwd=self.folder / "work",
            env=self.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def ok(self, *arguments: str, timeout_s: float = 120) -> str:
        done = self(*arguments, timeout_s=timeout_s)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def variables(self) -> Mapping[str, str]:
        """Downloads alone are shared with this checkout's stacks: they are fetched once and checked by digests."""
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        names = ("SSL_CERT_FILE", "SHOPLAKE_MAVEN_URL", "SHOPLAKE_TERRAFORM_URL", "TF_PLUGIN_MIRROR")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        return kept | {
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "XDG_CACHE_HOME": cache,
            "PATH": PATH,
        }


@pytest.fixture(scope="session")
def uv() -> str:
    """The launcher's uv: on PATH, or where the launcher installed it."""
    version = re.search(r"^UV_VERSION=(\S+)", (project_root() / "shoplake").read_text(), re.MULTILINE)
    assert version is not None
    return shutil.which("uv") or str(project_root() / ".shoplake" / "uv" / f"uv-{version[1]}")


@pytest.fixture(scope="session")
def archives(uv: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Wheels (`shoplake`, `shopsim`) and source archives (`shoplake.tar.gz`), the wheels built from the archives."""
    out = tmp_path_factory.mktemp("dist")
    stray = project_root() / f"left-behind-{uuid.uuid4().hex}.html"  # what a user may leave in a checkout
    stray.write_text("not to be published")
    try:
        command = [uv, "build", "--all-packages", "--quiet", "--python", sys.executable, "--out-dir", str(out)]
        subprocess.run(command, cwd=project_root(), check=True, timeout=180)
    finally:
        stray.unlink()
    found = {}
    for file in out.iterdir():
        name = file.name.partition("-")[0]
        found |= {name: file} if file.suffix == ".whl" else {f"{name}.tar.gz": file} if file.suffix == ".gz" else {}
    return found


@pytest.fixture(scope="session")
def empty_environment(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is nowhere near the checkout, with homes and a virtual environment that has nothing."""
    folder = tmp_path_factory.mktemp("elsewhere")
    return made_in(uv, folder)


def made_in(uv: str, folder: Path) -> Path:
    """Make the folders of a `Program` and an empty virtual environment `env` in a folder."""
    for name in ("home", "work"):
        (folder / name).mkdir()
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "env")], check=True, timeout=60)
    return folder


def install(uv: str, folder: Path, *wheels: Path) -> None:
    """Install wheels, and what they depend on, into the environment of a folder."""
    command = [uv, "pip", "install", "--quiet", "--python", str(folder / "env" / "bin" / "python"), *map(str, wheels)]
    subprocess.run(command, check=True, timeout=600, cwd=folder)
