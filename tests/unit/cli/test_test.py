"""How `shoplake test` calls pytest, and that its groups hold every test."""

from __future__ import annotations

import ast
import shlex

import pytest

from shoplake.cli import grouped_tests
from shoplake.cli.grouped_tests import GROUPS, QUICK, arguments
from shoplake.cli.test import INTERRUPTED, quick_set
from shoplake.paths import project_root

ROOT = project_root()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["tests/unit", "-x"], ["tests/unit", "-x"]),
        (["--durations=15", "tests/contract", "tests/e2e"], ["--durations=15", "tests/contract", "tests/e2e"]),
        (["tests/faults", "--only", "1,2"], ["tests/faults", "--only", "1,2"]),
        (["faults", "--seed", "3", "--only", "6"], ["tests/faults", "--seed", "3", "--only", "6"]),
        (["containers", "-x"], ["tests/contract", "tests/e2e", "-x"]),
        (["--release"], ["--tier", "large"]),
        (["faults", "--release"], ["tests/faults", "--tier", "large"]),
        (["--all"], []),
        (["--all", "-x"], ["-x"]),
        (["-k", "faults"], ["-k", "faults"]),
        (["--version"], ["--version"]),
    ],
)
def test_a_group_is_its_folders_and_the_rest_is_given_to_pytest(given: list[str], expected: list[str]) -> None:
    assert arguments(given) == expected


def test_each_test_file_is_in_exactly_one_group() -> None:
    """`--all` is what pytest collects below `tests`; so the sum of the groups is all tests."""
    for pattern in ("test_*.py", "*_test.py"):  # pytest's own, see `python_files`
        for file in (ROOT / "tests").rglob(pattern):
            groups = [group.name for group in GROUPS for path in group.paths if file.is_relative_to(ROOT / path)]
            assert len(groups) == 1, f"{file} is in the groups {groups}; one is expected, see {grouped_tests.__file__}"


def test_each_folder_of_a_group_has_tests() -> None:
    assert [path for group in GROUPS for path in group.paths if not list((ROOT / path).rglob("test_*.py"))] == []


@pytest.mark.parametrize("node", [word for step in QUICK for word in step.arguments if word.startswith("tests/")])
def test_each_test_of_the_quick_set_exists(node: str) -> None:
    path, _, name = node.partition("::")
    assert (ROOT / path).exists()
    if name:
        found = ast.walk(ast.parse((ROOT / path).read_text()))
        assert name in {each.name for each in found if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_the_quick_set_runs_all_tests_of_the_groups_that_it_does_not_name_as_left_out() -> None:
    whole = {word for step in QUICK for word in step.arguments}
    assert all(whole.issuperset(group.paths) == group.complete for group in GROUPS)
    said = grouped_tests.left_out()
    assert [group.name for group in GROUPS if f"`shoplake test {group.name}`" not in said] == ["unit", "simulator"]
    assert "`shoplake test --all`" in said


def test_every_step_runs_and_the_last_lines_say_what_failed_and_what_was_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    codes = iter([0, 1, 0, 4])
    assert quick_set(lambda _: next(codes)) == 1
    lines = capsys.readouterr().out.splitlines()
    again = [f"; again: ./shoplake test {shlex.join(step.command())}" for step in QUICK]
    assert lines[-4:-2] == [f"FAILED: {QUICK[n].title}{again[n]}" for n in (1, 3)]
    assert lines[-2].startswith("2 of 4 steps passed in ")
    assert lines[-1] == grouped_tests.left_out()


def test_an_interrupted_step_is_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    codes = iter([0, INTERRUPTED])
    assert quick_set(lambda _: next(codes)) == INTERRUPTED
    assert grouped_tests.left_out() not in capsys.readouterr().out
