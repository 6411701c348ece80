"""The product as somebody has it who installed the wheel: another folder, another home, no checkout."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shoplake.docs_links import DOCUMENTATION

from .conftest import Program, install, made_in


@pytest.fixture(scope="module")
def shoplake(uv: str, archives: dict[str, Path], empty_environment: Path) -> Iterator[Program]:
    install(uv, empty_environment, archives["shoplake"], archives["shopsim"])
    program = Program(empty_environment / "env" / "bin" / "shoplake", empty_environment)
    yield program
    program("down", "--purge")


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


def test_an_error_names_the_command_as_it_was_typed_and_a_published_page(shoplake: Program) -> None:
    done = shoplake("verify")
    assert done.returncode == 1
    assert f"`{shoplake.path} up`" in done.stderr
    assert f"about it: {DOCUMENTATION}/reference/errors/#sl0204" in done.stderr


def test_a_missing_extra_is_named_before_anything_is_simulated(shoplake: Program) -> None:
    done = shoplake("generate", "report", "--events", "1000000000", timeout_s=60)
    assert done.returncode == 2
    assert "pip install 'shoplake[report]'" in done.stderr
    assert "events" not in done.stderr.replace("--events", "")


def test_an_environment_on_aws_is_planned_and_priced_without_a_checkout(shoplake: Program) -> None:
    planned = shoplake.ok("plan", "dev", "--dry-run", timeout_s=300)
    assert "policy: 10 rules, 0 violations" in planned
    assert f"`{shoplake.path} cost dev`" in planned
    assert "db_instance" in shoplake.ok("cost", "dev", timeout_s=300)


def test_the_demo_runs_is_proved_and_leaves_nothing(shoplake: Program) -> None:
    installed = files_below(shoplake.folder / "env")

    result = json.loads(shoplake.ok("demo", "--events", "6000", "--json", timeout_s=400))
    assert result["ok"]
    shoplake.ok("verify")
    assert (shoplake.folder / "state" / "shoplake" / "stack.json").is_file()
    shoplake.ok("down", "--purge")

    assert files_below(shoplake.folder / "env") == installed, "state was written into the Python environment"
    assert not list((shoplake.folder / "work").iterdir()), "the user's folder has something in it"
    assert not (shoplake.folder / "state" / "shoplake").exists()


def test_what_needs_a_checkout_says_so(shoplake: Program) -> None:
    done = shoplake("test")
    assert done.returncode == 2
    assert "checkout" in done.stderr
    assert "Traceback" not in done.stderr


def test_uvx_is_what_the_advice_tells_a_user_of_uvx_to_type(uv: str, archives: dict[str, Path], tmp_path: Path) -> None:
    command = [uv, "tool", "run", "--from", archives["shoplake"], "--with", archives["shopsim"], "shoplake", "verify"]
    (tmp_path / "state").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPLAKE_HOME", str(tmp_path / "state"))
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert "`uvx shoplake up`" in done.stderr


def test_the_simulator_alone_is_small_and_makes_the_same_bytes(
    uv: str, archives: dict[str, Path], tmp_path: Path
) -> None:
    made_in(uv, tmp_path)
    install(uv, tmp_path, archives["shopsim"])
    packages = list(tmp_path.glob("env/lib/python*/site-packages/*.dist-info"))
    assert len(packages) < 12
    assert not list(tmp_path.glob("env/lib/python*/site-packages/shoplake/cli"))

    script = tmp_path / "work" / "digest.py"
    script.write_text(DIGEST)
    alone = Program(tmp_path / "env" / "bin" / "python", tmp_path).ok(str(script))
    namespace: dict[str, object] = {"__name__": "digest"}
    exec(compile(DIGEST, "digest.py", "exec"), namespace)
    assert alone.strip() == namespace["digest"](1)  # type: ignore[operator]


DIGEST = """
import hashlib
import shopsim
from shoplake import contract

def digest(workers):
    found = hashlib.sha256()
    for window in shopsim.stream(shopsim.load_scenario("demo"), seed=7, limit=5_000, workers=workers):
        for topic, key, value in window.rows.select("topic", "key", "value").iter_rows():
            found.update(value)
    return found.hexdigest()

if __name__ == "__main__":
    print(digest(2))
"""
