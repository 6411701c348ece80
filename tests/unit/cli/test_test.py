"""How `shoplake test` calls pytest."""

from __future__ import annotations

import pytest

from shoplake.cli.test import arguments


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        (["tests/unit", "-x"], ["tests/unit", "-x"]),
        (["faults", "--seed", "3", "--only", "6"], ["tests/faults", "--seed", "3", "--only", "6"]),
        (["--release"], ["--tier", "large"]),
        (["-k", "faults"], ["-k", "faults"]),
    ],
)
def test_what_follows_is_given_to_pytest(given: list[str], expected: list[str]) -> None:
    assert arguments(given) == expected
