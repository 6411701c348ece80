from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from collections import Counter

import shoplake
from shoplake.errors import (
    HistoryTooShort,
    Interrupted,
    InvalidScenario,
    QualityUnknown,
    ShoplakeError,
    StackNotRunning,
    UsageError,
)


def every_error() -> list[type[ShoplakeError]]:
    """The base and all that descend from it, wherever they are defined."""
    for module in pkgutil.walk_packages(shoplake.__path__, "shoplake."):
        if ".migrations" not in module.name:
            importlib.import_module(module.name)
    found, todo = [], [ShoplakeError]
    while todo:
        found.append(todo.pop())
        todo += found[-1].__subclasses__()
    return [each for each in found if each.__module__.startswith("shoplake.")]


def test_each_error_has_a_code_and_advice_of_its_own() -> None:
    lacking = [each.__name__ for each in every_error() if not {"code", "advice"} <= vars(each).keys()]
    assert not lacking, "give each `code` and `advice`; the highest codes are in docs/reference/errors.md"
    codes = Counter(each.code for each in every_error())
    assert {code: count for code, count in codes.items() if count > 1} == {}
    assert all(re.fullmatch(r"SL[01]\d{3}", code) for code in codes)


def test_an_error_is_of_the_family_that_its_code_says() -> None:
    for each in every_error():
        family = next((base for base in each.__mro__[1:] if base.__dict__.get("code", "").endswith("00")), None)
        if family not in (None, ShoplakeError):
            assert each.code[:4] == family.code[:4], each.__name__


def test_exit_codes_are_the_documented_ones() -> None:
    for each in every_error():
        special = {Interrupted: 130, QualityUnknown: 3, HistoryTooShort: 3}
        documented = 2 if issubclass(each, UsageError) else special.get(each, 1)
        assert each.exit_code == documented, each.__name__


def test_an_error_names_the_place_that_explains_it() -> None:
    assert StackNotRunning("none").page == "docs/reference/errors.md#sl0204"


def test_the_command_prints_the_code_what_to_do_and_the_page() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shoplake.cli.main", "generate", "--scenario", "nowhere"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == UsageError.exit_code
    assert done.stdout == ""
    first, *_, last = done.stderr.splitlines()
    assert first.startswith(f"error {InvalidScenario.code}: ")
    assert "  what to do: " in done.stderr
    assert last == f"  about it: {InvalidScenario('').page}"
