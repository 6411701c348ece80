"""The checklists of CONTRIBUTING.md, followed word by word in a copy of the checkout: a throw-away event and sink.

Each works once the listed places are changed, and nothing else had to be.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shoplake.paths import project_root

ROOT = project_root()
COPIED = ("src", "generators", "docgen", "docs", "terraform", "warehouse")
FILES = ("pyproject.toml", "docker-compose.yml", "mkdocs.yml", "README.md", "CONTRIBUTING.md", "CHANGELOG.md")

EVENT = '''

class WishlistItemAdded(Event, frozen=True, kw_only=True, tag="wishlist_item_added"):
    """A throw-away."""

    session_id: Id
    product_id: Id
'''

USE_OF_THE_EVENT = """
import polars as pl
from shoplake.contract import EVENTS, columns_of, decode, encode
from shopsim.core.records import LAYOUT, Pending
from shopsim.engine.render import SCHEMAS
import numpy as np

fields = {"event_id": "e1", "occurred_at_ms": 1718000000001, "session_id": "s1", "product_id": "p1"}
frame = pl.DataFrame([fields], schema=columns_of(EVENTS["wishlist_item_added"]))
(value,) = encode("wishlist_item_added", frame)
decoded = decode("clicks", [value])
pending = Pending()
pending.add("wishlist_item_added", np.array([1718000000000]), session_id=np.array([1]), product_id=np.array([2]))
assert pending.take(1718000000002)["wishlist_item_added"].shape == (3, 1)
assert "wishlist_item_added" in SCHEMAS
print(value.decode(), decoded)
"""

SINK = '''"""A throw-away sink: a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shoplake.contract import TOPICS
from shoplake.sinks.base import Batch, Checkpoint, Ownership, Sink, TopicPartition


class ShelfSink(Sink):
    """Keeps how many events of each topic there were."""

    name = "shelf"
    topics = frozenset(TOPICS)

    def __init__(self) -> None:
        self.counted: dict[str, int] = {}
        self._stands: dict[TopicPartition, Checkpoint] = {}

    async def prepare(self) -> None:
        """Nothing."""

    async def open(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Raise the epochs."""
        for each in partitions:
            old = self._stands.get(each, Checkpoint(0, 0))
            self._stands[each] = Checkpoint(old.next_offset, old.epoch + 1)
        return await self.checkpoints(partitions)

    async def checkpoints(self, partitions: Iterable[TopicPartition]) -> Mapping[TopicPartition, Checkpoint]:
        """Where they stand."""
        return {each: self._stands[each] for each in partitions if each in self._stands}

    async def identify(self, topics: Mapping[str, str]) -> Mapping[str, str]:
        """Believe it."""
        return topics

    async def apply(self, batch: Batch, owner: Ownership) -> None:
        """Count."""
        fresh = batch.fresh(self.name, self._stands, owner)
        for topic, events in fresh.events.items():
            self.counted[topic] = self.counted.get(topic, 0) + len(events)
        for each, read in fresh.ranges.items():
            self._stands[each] = Checkpoint(read.stop, owner[each])

    async def close(self) -> None:
        """Nothing."""
'''

DASHBOARD = """title: Devices
description: A throw-away.
owner: marketing
panels:
  - { name: sessions, title: Sessions by device, metric: sessions, chart: bar, by: [device] }
"""

USE_OF_THE_SINK = """
import asyncio
import polars as pl
from shoplake.sinks import SINKS, make, named
from shoplake.sinks.base import Batch, OffsetRange, TopicPartition

assert "shelf" in named("") and "shelf" in SINKS
here = TopicPartition("clicks", 0)

async def main():
    sink = make("shelf", None)
    await sink.prepare()
    opened = await sink.open([here])
    batch = Batch({"clicks": pl.DataFrame({"partition": [0, 0], "offset": [0, 1]})}, {here: OffsetRange(0, 2)})
    owner = {here: opened[here].epoch}
    await sink.apply(batch, owner)
    await sink.apply(batch, owner)
    return sink.counted

print(asyncio.run(main()))
"""


class Copy:
    """A copy of the checkout that remembers how it was."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in COPIED:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".terraform*"))
        for name in FILES:
            shutil.copy(ROOT / name, root / name)
        self._before = self._files()

    def _files(self) -> dict[str, bytes]:
        found = (path for path in self.root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in found}

    def changed(self) -> set[str]:
        """Files that are new, gone or different."""
        now = self._files()
        return {name for name in now.keys() | self._before.keys() if now.get(name) != self._before.get(name)}

    def replace(self, name: str, old: str, new: str) -> None:
        """Change a place that is there once."""
        text = (self.root / name).read_text()
        assert text.count(old) == 1, f"{name} has {old!r} {text.count(old)} times"
        (self.root / name).write_text(text.replace(old, new))

    def run(self, *arguments: str) -> str:
        """Python in the copy; what it prints."""
        places = [str(self.root / name) for name in ("src", "generators")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(self.root), *places]),
            "SHOPLAKE_ROOT": str(self.root),
        }
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "shoplake")


def places(title: str, **names: str) -> set[str]:
    """The paths that a checklist names, with what is written in capitals filled in."""
    section = re.search(rf"(?ms)^## {title}$(.*?)(?=^## )", (ROOT / "CONTRIBUTING.md").read_text())
    assert section, f"CONTRIBUTING.md has no section '{title}'"
    found = re.findall(r"(?m)^- \[ \] `([^`]+)`", section[1])
    for capital, name in names.items():
        found = [path.replace(capital, name) for path in found]
    return set(found)


def test_the_checklist_for_an_event_is_complete(copy: Copy) -> None:
    named = places("Add an event", TOPIC="clicks")
    clicks = copy.root / "src/shoplake/contract/clicks.py"
    clicks.write_text(clicks.read_text() + EVENT)
    copy.replace(
        "src/shoplake/contract/topics.py",
        "clicks.CheckoutStarted,",
        "clicks.CheckoutStarted, clicks.WishlistItemAdded,",
    )
    copy.replace(
        "generators/shopsim/core/records.py",
        '    "checkout_started": (',
        '    "wishlist_item_added": ("occurred_at_ms", "session_id", "product_id"),\n    "checkout_started": (',
    )
    cli = ("-m", "shoplake.cli.main")
    assert "wishlist_item_added" in copy.run(*cli, "contract", "check")
    copy.run(*cli, "contract", "accept")
    copy.run("-m", "docgen")

    assert copy.run(*cli, "contract", "check") == "the same contract\n"
    assert '"type":"wishlist_item_added"' in copy.run("-c", USE_OF_THE_EVENT)
    assert (copy.root / "docs/reference/contract/wishlist_item_added.md").is_file()
    assert {next((path for path in named if name.startswith(path)), name) for name in copy.changed()} == named


def test_the_checklist_for_a_sink_is_complete(copy: Copy) -> None:
    named = places("Add a sink", NAME="shelf")
    (copy.root / "src/shoplake/sinks/shelf.py").write_text(SINK)
    copy.replace("src/shoplake/sinks/__init__.py", '"redis")', '"redis", "shelf")')
    copy.replace(
        "src/shoplake/sinks/__init__.py",
        '        case "redis":',
        '        case "shelf":\n            from shoplake.sinks.shelf import ShelfSink\n\n'
        "            return ShelfSink()\n"
        '        case "redis":',
    )
    copy.replace("docs/data-model.md", "## Dead letters", "## Shelf\n\nA number per topic.\n\n## Dead letters")
    copy.run("-m", "docgen")

    assert copy.run("-c", USE_OF_THE_SINK) == "{'clicks': 2}\n"
    assert {next((path for path in named if name.startswith(path)), name) for name in copy.changed()} == named


def test_the_checklist_for_a_dashboard_is_complete(copy: Copy) -> None:
    named = places("Add a dashboard", NAME="reviews")
    (copy.root / "warehouse/dashboards/reviews.yaml").write_text(DASHBOARD)

    assert "reviews" in copy.run("-m", "shoplake.cli.main", "dashboards", "list")
    assert copy.changed() == named


def test_every_module_follows_the_checklist() -> None:
    modules = [path for path in (ROOT / "terraform/modules").iterdir() if (path / "main.tf").is_file()]
    assert len(modules) > 5
    for module in modules:
        assert all((ROOT / path).exists() for path in places("Add a Terraform module", NAME=module.name))
