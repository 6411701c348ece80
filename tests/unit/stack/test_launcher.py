from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

LAUNCHER = Path(__file__).parents[3] / "shoplake"
TOOLS = (
    "sh",
    "cat",
    "chmod",
    "cksum",
    "cmp",
    "cp",
    "cut",
    "dirname",
    "mkdir",
    "mktemp",
    "mv",
    "readlink",
    "rm",
    "sed",
    "tail",
    "touch",
)
# Stands in for uv: tells what it was asked, and makes an environment whose python says how it was called.
UV = """#!/bin/sh
echo "$UV_PYTHON_DOWNLOADS $*" >>"$CALLS"
[ -z "${UV_FAILS:-}" ] || { echo "no route to host" >&2; exit 2; }
mkdir -p "$UV_PROJECT_ENVIRONMENT/bin"
touch "$UV_PROJECT_ENVIRONMENT/bin/shoplake"
cat >"$UV_PROJECT_ENVIRONMENT/bin/python" <<'END'
#!/bin/sh
pwd; cat; for argument; do echo "[$argument]"; done
END
chmod +x "$UV_PROJECT_ENVIRONMENT/bin/python"
"""


@dataclass(frozen=True)
class Checkout:
    root: Path
    tools: Path
    calls: Path

    def run(
        self, *arguments: str, program: Path | None = None, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": str(self.tools), "HOME": str(self.root.parent), "CALLS": str(self.calls), **variables}
        command = [str(program or self.root / "shoplake"), *arguments]
        return subprocess.run(
            command, env=environment, cwd=cwd, input="in\n", capture_output=True, text=True, timeout=20
        )

    def commands(self) -> list[str]:
        return [line.split()[1] for line in self.calls.read_text().splitlines()]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root, tools = tmp_path / "a checkout", tmp_path / "tools"
    root.mkdir()
    tools.mkdir()
    shutil.copy(LAUNCHER, root / "shoplake")
    (root / "uv.lock").write_text("version = 1\n")
    (root / "pyproject.toml").write_text("[project]\n")
    for tool in TOOLS:
        (tools / tool).symlink_to(shutil.which(tool) or pytest.skip(f"no {tool}"))
    (tools / "python3").symlink_to(os.path.realpath(sys.executable))
    (tools / "uv").write_text(UV)
    (tools / "uv").chmod(0o755)
    return Checkout(root, tools, tmp_path / "calls")


@pytest.mark.parametrize(("told", "compiled"), [({"PYTHONDONTWRITEBYTECODE": "1"}, True), ({}, False)])
def test_libraries_are_compiled_once_if_python_cannot_write_bytecode(
    checkout: Checkout, told: dict[str, str], compiled: bool
) -> None:
    checkout.run("status", **told)

    synced = next(line for line in checkout.calls.read_text().splitlines() if " sync " in line)
    assert ("--compile-bytecode" in synced) == compiled


def test_arguments_stdin_and_folder_reach_the_command_unchanged(checkout: Checkout, tmp_path: Path) -> None:
    done = checkout.run("logs", "two words", "", "*", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder, text, *arguments = done.stdout.splitlines()
    assert (folder, text) == (str(tmp_path), "in")
    assert arguments == [
        "[-I]",
        "[-X]",
        "[utf8]",
        f"[{checkout.root}/.venv/bin/shoplake]",
        "[logs]",
        "[two words]",
        "[]",
        "[*]",
    ]


def test_it_finds_its_checkout_through_links(checkout: Checkout, tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to("a checkout/shoplake")
    (tmp_path / "second").symlink_to(tmp_path / "first")
    done = checkout.run(program=tmp_path / "second", cwd=Path("/"))
    assert f"[{checkout.root}/.venv/bin/shoplake]" in done.stdout, done.stderr


def test_libraries_are_installed_when_the_lock_changed_and_only_then(checkout: Checkout) -> None:
    first, second = checkout.run(), checkout.run()
    (checkout.root / "uv.lock").write_text("version = 2\n")
    third = checkout.run()
    (checkout.root / "pyproject.toml").write_text("[project]\nscripts = {}\n")
    fourth = checkout.run()
    assert checkout.commands() == ["sync", "sync", "sync"]
    assert ["installing" in each.stderr for each in (first, second, third, fourth)] == [True, False, True, True]


def test_an_environment_of_another_project_is_left_alone(checkout: Checkout, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs" / "bin"
    theirs.mkdir(parents=True)
    (theirs / "python").write_text("#!/bin/sh\nexit 3\n")
    done = checkout.run(UV_PROJECT_ENVIRONMENT=str(theirs.parent))
    assert f"[{checkout.root}/.venv/bin/shoplake]" in done.stdout, done.stderr
    assert [path.name for path in theirs.parent.rglob("*")] == ["bin", "python"]


@pytest.mark.parametrize("named", ["other-env", "/absolute"])
def test_an_environment_of_our_own_may_be_elsewhere(checkout: Checkout, tmp_path: Path, named: str) -> None:
    where = tmp_path / named[1:] if named.startswith("/") else checkout.root / named
    for _ in range(2):
        done = checkout.run(UV_PROJECT_ENVIRONMENT=str(where) if named.startswith("/") else named, cwd=Path("/"))
        assert f"[{where}/bin/shoplake]" in done.stdout, done.stderr
    assert checkout.commands() == ["sync"]


def test_an_installed_launcher_needs_neither_uv_nor_python_on_the_path(checkout: Checkout) -> None:
    checkout.run()
    (checkout.tools / "uv").unlink()
    (checkout.tools / "python3").unlink()
    assert checkout.run(UV_DEFAULT_INDEX="http://127.0.0.1:1", UV_FAILS="yes").returncode == 0


def test_spark_is_installed_only_on_request(checkout: Checkout) -> None:
    plain = checkout.run()
    named = checkout.run(SHOPLAKE_EXTRAS="spark")
    assert (plain.returncode, named.returncode) == (0, 0)
    first, second = checkout.calls.read_text().splitlines()
    assert "--no-dev --extra report" in first
    assert "--no-dev --extra spark" in second


def test_developer_tools_are_installed_with_the_first_test_and_stay(checkout: Checkout) -> None:
    def synced() -> list[str]:
        return [line for line in checkout.calls.read_text().splitlines() if " sync " in line]

    checkout.run("demo")
    checkout.run("--debug", "test", "tests/unit")
    assert ["--group dev" in line for line in synced()] == [False, True]

    (checkout.root / ".venv" / "bin" / "pytest").touch(mode=0o755)
    (checkout.root / "uv.lock").write_text("version = 2\n")
    checkout.run("demo")
    assert ["--group dev" in line for line in synced()] == [False, True, True]


def test_dbt_is_installed_with_the_first_warehouse_command_and_stays(checkout: Checkout) -> None:
    def synced() -> list[bool]:
        return ["--extra warehouse" in line for line in checkout.calls.read_text().splitlines() if " sync " in line]

    checkout.run("demo")
    checkout.run("warehouse", "status")
    assert synced() == [False, True]

    (checkout.root / ".venv" / "bin" / "dbt").touch(mode=0o755)
    (checkout.root / "uv.lock").write_text("version = 2\n")
    checkout.run("demo")
    assert synced() == [False, True, True]


def test_the_parser_of_the_catalogue_is_installed_with_its_first_command_and_stays(checkout: Checkout) -> None:
    def synced() -> list[bool]:
        return ["--extra catalog" in line for line in checkout.calls.read_text().splitlines() if " sync " in line]

    checkout.run("demo")
    checkout.run("catalog", "list")
    assert synced() == [False, True]

    (checkout.root / ".venv" / "lib" / "python3.11" / "site-packages" / "sqlglot").mkdir(parents=True)
    (checkout.root / "uv.lock").write_text("version = 2\n")
    checkout.run("demo")
    assert synced() == [False, True, True]


def test_python_is_never_downloaded(checkout: Checkout) -> None:
    checkout.run()
    assert {line.split()[0] for line in checkout.calls.read_text().splitlines()} == {"never"}


def test_without_a_network_there_is_one_message_and_the_next_run_tries_again(checkout: Checkout) -> None:
    failed = checkout.run(UV_FAILS="yes")
    assert failed.returncode == 1
    assert failed.stdout == ""
    for part in ("libraries could not be installed", "no route to host", "what to do: if there is no network"):
        assert part in failed.stderr
    assert checkout.run().returncode == 0


def test_a_missing_python_is_reported(checkout: Checkout) -> None:
    (checkout.tools / "python3").unlink()
    failed = checkout.run()
    assert failed.returncode == 1
    assert failed.stderr.count("error:") == 1
    assert "python 3.11 or later is needed" in failed.stderr


def test_an_old_python_is_skipped(checkout: Checkout) -> None:
    (checkout.tools / "python3").rename(checkout.tools / "python3.12")
    (checkout.tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (checkout.tools / "python3").chmod(0o755)
    assert checkout.run().returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_in_a_read_only_checkout_it_writes_to_the_cache(checkout: Checkout, tmp_path: Path) -> None:
    checkout.root.chmod(0o555)
    done = checkout.run(XDG_CACHE_HOME=str(tmp_path / "cache"))
    checkout.root.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "cache" / "shoplake").glob("env-*/bin/python"))
