"""Row 25: a checkout, a home and a temporary folder of odd names, in a shell that is set up for other programs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoplake import paths
from tests.hostile_environment import HOSTILE
from tests.own_stack import without_aws

pytestmark = [pytest.mark.stack, pytest.mark.fault]

# A space, a quote, a percent sign, brackets, braces, a glob, an umlaut, and 100 letters in all.
ODD = "it's 100% [odd] {ö} * ".ljust(100, "n")
ODDER = '"two quotes", a $HOME'
"""Not for the checkout: there Postgres' initdb gives the path to a shell, and `up` refuses it by name."""
NOT_COPIED = shutil.ignore_patterns(".*cache*", ".git", ".shoplake", ".tools", ".venv", "__pycache__", "node_modules")
EVENTS = 5_000
TIMEOUT_S = 400


class Place:
    """A copy of the checkout in an odd folder, with home, temporary folder and files of its own below it."""

    def __init__(self, root: Path) -> None:
        self.folder = root / ODD
        self.checkout = self.folder / "checkout"
        self.home = self.folder / ODDER / "home"
        shutil.copytree(paths.project_root(), self.checkout, ignore=NOT_COPIED)
        self.temporary = self.folder / ODDER / "tmp"
        self.temporary.mkdir(parents=True)
        self.shell = {name: text for name, text in without_aws(os.environ).items() if name not in HOSTILE} | {
            "SHOPLAKE_HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "HOME": str(self.folder),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path("~/.cache").expanduser())),
        }
        self.shell.pop("UV_PROJECT_ENVIRONMENT", None)

    def run(self, *arguments: str, hostile: bool = True) -> str:
        """What a command that succeeds prints on stdout."""
        done = subprocess.run(
            ["./shoplake", *arguments],
            cwd=self.checkout,
            env=self.shell | (HOSTILE if hostile else {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == 0, f"{arguments}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        assert "Traceback" not in done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(tmp_path_factory.mktemp("odd"))
    assert len(ODD) == 100
    found.run("--version", hostile=False)  # installs the libraries, for which the index is needed
    try:
        yield found
    finally:
        found.run("down", "--purge")


@pytest.mark.row(25)
def test_every_long_command_works_in_a_strange_folder(odd: Place) -> None:
    demo = json.loads(odd.run("demo", "--events", str(EVENTS), "--json"))
    assert demo["ok"]

    odd.run("scenario", "new", "odd-shop", "--out", str(odd.folder / "odd shop's.yaml"))
    scenario = str(odd.folder / "odd shop's.yaml")
    odd.run("scenario", "check", scenario)
    made = odd.folder / ODDER / "what is [made]"
    odd.run("generate", "--scenario", scenario, "--events", "2000", "--out", str(made), "--format", "parquet")
    assert sorted(path.suffix for path in made.rglob("*.parquet"))
    odd.run("generate", "--scenario", scenario, "--events", "2000", "--faults-out", str(odd.folder / "fa'ults.parquet"))
    odd.run("generate", "report", "--events", "2000", "--out", str(odd.folder / "re%port.html"))

    odd.run("stream", "--until-caught-up")
    odd.run("rebuild", "redis", "--yes")
    odd.run("lake", "maintain", "--min-files", "2")
    for command in ("migrate", "lag", "status", "env", "doctor"):
        odd.run(command)
    odd.run("dlq", "list")
    odd.run("plan", "local")
    odd.run("down")
    odd.run("up")
    verified = json.loads(odd.run("verify", "--json"))
    assert verified["ok"]
    assert verified["stores"]["lake"]["found"] > EVENTS - 100
