"""Sinks of other packages, which their metadata names."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from tests import sink_package

from shoplake import sinks
from shoplake.errors import SinkError, StoreUnavailable, UnknownName
from shoplake.sinks.base import Sink

if TYPE_CHECKING:
    from shoplake.settings import Settings

SETTINGS = cast("Settings", object())  # only passed on
MODULE = """
from shoplake.errors import StoreUnavailable
from shoplake.sinks.base import Sink

class OwnSink(Sink):
    name = "own"
    topics = frozenset()
    def __init__(self, settings): self.settings = settings
    async def prepare(self): ...
    async def open(self, partitions): ...
    async def checkpoints(self, partitions): ...
    async def identify(self, topics): ...
    async def apply(self, batch, owner): ...
    async def close(self): ...

def broken(settings):
    return 1 / 0

def away(settings):
    raise StoreUnavailable("own: away")

def text(settings):
    return "a sink"
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    makers = {"own": "OwnSink", "broken": "broken", "away": "away", "text": "text", "gone": "Gone", "redis": "OwnSink"}
    monkeypatch.syspath_prepend(sink_package.write(tmp_path / "site", makers, MODULE))
    monkeypatch.delitem(sys.modules, "other_sinks", raising=False)


def test_a_sink_of_another_package_is_made_with_the_settings() -> None:
    assert sinks.named("redis, own") == ["redis", "own"]
    sink = sinks.make("own", SETTINGS)
    assert isinstance(sink, Sink)
    assert getattr(sink, "settings", None) is SETTINGS


def test_without_names_only_the_sinks_of_shoplake_run() -> None:
    assert sinks.named("") == list(sinks.SINKS)


def test_an_unknown_sink_is_refused_with_the_names_of_all() -> None:
    with pytest.raises(UnknownName, match="there is no sink 'nosuch'") as refused:
        sinks.named("own,nosuch")
    assert refused.value.fix == "choose from lake, postgres, dynamodb, mongo, redis, away, broken, gone, own, text"
    with pytest.raises(UnknownName):
        sinks.make("nosuch", SETTINGS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "the sink of the package other-sinks could not be made: ZeroDivisionError: division by zero"),
        ("gone", "the sink of the package other-sinks could not be made: AttributeError"),
        ("text", "expected a Sink from other_sinks:text of the package other-sinks, found str"),
    ],
)
def test_a_sink_that_cannot_be_made_is_named_with_its_package(name: str, message: str) -> None:
    with pytest.raises(SinkError, match=f"{name}: {message}"):
        sinks.make(name, SETTINGS)


def test_an_error_of_ours_is_raised_as_it_is() -> None:
    with pytest.raises(StoreUnavailable, match="own: away"):
        sinks.make("away", SETTINGS)
