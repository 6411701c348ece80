"""The diagrams: each is drawn from what it shows, so that none can go stale."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from typing import Any

from docgen import compose, svg, terraform
from docgen.svg import Box
from shoplake import paths
from shoplake.contract import TOPICS
from shoplake.sinks import SINKS
from shoplake.sinks.postgres.model import METADATA, REFERENCES

FOLDER = "docs/diagrams"


def drawings() -> dict[str, str]:
    """All diagrams, by path."""
    return {
        f"{FOLDER}/{name}.svg": draw()
        for name, draw in {
            "event": event,
            "imports": imports,
            "terraform": modules,
            "compose": services,
            "shop": shop,
        }.items()
    }


def event() -> str:
    """The way of one event: from the scenario through the topics into each store, and to the proof."""
    rows = [
        [Box("scenario.yaml")],
        [Box("shopsim", ("simulates",))],
        [Box("publish", ("encodes as the contract says", "one transaction per window"))],
        [Box("Kafka", (" ".join(TOPICS),))],
        [*(Box(name) for name in SINKS), Box("dead letters")],
        [Box("verify", ("each store == an independent fold of the log",))],
    ]
    stores = [*SINKS, "dead letters"]
    edges = [("scenario.yaml", "shopsim"), ("shopsim", "publish"), ("publish", "Kafka")]
    edges += [("Kafka", store) for store in stores] + [(store, "verify") for store in stores]
    return svg.svg(rows, edges, "The way of one event")


def imports() -> str:
    """The layers that import-linter holds: a package imports from rows below it only."""
    text = (paths.project_root() / "pyproject.toml").read_text(encoding="utf-8")
    contracts: list[dict[str, Any]] = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    layers = next(each for each in contracts if each["type"] == "layers")["layers"]
    rows = [[Box(part.strip()) for part in layer.split("|")] for layer in layers]
    edges = [(one.title, other.title) for upper, lower in pairwise(rows) for one in upper for other in lower]
    return svg.svg(rows, edges, "Imports run one way")


def modules() -> str:
    """The modules of an AWS environment, each below those whose outputs it takes."""
    needs = terraform.references("dev")
    rows = [[Box(name) for name in row] for row in svg.layers(needs, most=4)]
    return svg.svg(rows, _edges(svg.reduced(needs)), "Terraform modules of dev")


def services() -> str:
    """Compose's services, each below those that it waits for."""
    needs = svg.reduced({name: sorted(one.get("depends_on", {})) for name, one in compose.services().items()})
    boxes = _alike(needs)
    kept = {name: given for name, given in needs.items() if name in boxes}
    rows = [[boxes[name] for name in row] for row in svg.layers(kept, most=5)]
    titled = {boxes[name].title: given for name, given in kept.items()}
    return svg.svg(rows, _edges(titled), "Services of docker-compose.yml")


def shop() -> str:
    """The relational store: every table with its columns, and which column names a row of which table."""
    boxes = {
        name.removeprefix("shop."): Box(
            name.removeprefix("shop."),
            tuple(f"{'• ' if column.primary_key else '  '}{column.name}" for column in table.columns),
        )
        for name, table in METADATA.tables.items()
    }
    names = list(boxes)
    rows = [[boxes[name] for name in names[start : start + 3]] for start in range(0, len(names), 3)]
    refers = {name: [other for table, _, other in REFERENCES if table == name] for name in names}
    edges = [(table, other) for table, others in svg.reduced(refers).items() for other in others]
    return svg.svg(rows, edges, "Tables of the schema shop")


def _edges(needs: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(need, name) for name, given in needs.items() for need in given]


def _alike(needs: dict[str, list[str]]) -> dict[str, Box]:
    """A box per service. Services with the same dependencies and no dependents share one box."""
    waited_for = {need for given in needs.values() for need in given}
    last: dict[tuple[str, ...], list[str]] = {}
    for name, given in needs.items():
        if name not in waited_for and given:
            last.setdefault(tuple(given), []).append(name)
    boxes = {name: Box(name) for name in waited_for}
    for needed, names in last.items():
        boxes[names[0]] = Box(names[0]) if len(names) == 1 else Box(f"after {' and '.join(needed)}", tuple(names))
    return boxes
