"""Failpoints: which exist, and what they do when armed."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

import shoplake
from shoplake import failpoints
from shoplake.errors import StoreUnavailable, UsageError


def reached_in_source() -> Counter[str]:
    """Names that the program passes to `failpoints.hit`, and how often each is written down."""
    calls = [
        node
        for path in Path(shoplake.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "failpoints.hit"
    ]
    return Counter(ast.literal_eval(call.args[0]) for call in calls)


def test_every_point_of_the_list_is_in_the_source_once_and_no_other_is() -> None:
    assert reached_in_source() == Counter(failpoints.NAMES)


def test_an_unarmed_failpoint_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "hit", failpoints.hit)
    failpoints.arm({})
    for name in failpoints.NAMES:
        failpoints.hit(name)


def test_an_armed_failpoint_acts_only_at_its_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "hit", failpoints.hit)
    failpoints.arm({failpoints.VARIABLE: "redis.commit.after=raise:2"})
    failpoints.hit("redis.commit.after")
    failpoints.hit("redis.commit.before")
    with pytest.raises(StoreUnavailable, match=r"redis\.commit\.after, visit 2"):
        failpoints.hit("redis.commit.after")
    failpoints.hit("redis.commit.after")


def test_several_points_may_be_armed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "hit", failpoints.hit)
    failpoints.arm({failpoints.VARIABLE: "redis.open.before=raise,redis.commit.after=raise:2"})
    with pytest.raises(StoreUnavailable):
        failpoints.hit("redis.open.before")
    failpoints.hit("redis.commit.after")
    with pytest.raises(StoreUnavailable):
        failpoints.hit("redis.commit.after")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("postgres.comit.after=kill", "no failpoint 'postgres.comit.after'"),
        ("postgres.commit.after", "expected postgres.commit.after=kill"),
        ("postgres.commit.after=explode", "found 'explode'"),
        ("postgres.commit.after=kill:0", "found 'kill:0'"),
        ("postgres.commit.after=kill:soon", "found 'kill:soon'"),
    ],
)
def test_a_mistyped_point_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        failpoints.arm({failpoints.VARIABLE: text})
