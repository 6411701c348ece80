"""The way of an event as a picture, made from the map: publisher, topics, sinks, stores, warehouse, dashboards.

The script of the page writes numbers into it: each box has the name of its dataset or job, each line those of its ends.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from shoplake.map.graph import Graph

WIDTH, BOX, TALL, GAP, MARGIN = 1180, 150, 46, 14, 8
"""Pixels: width of the picture and of a box, height of a box, space between boxes and around."""
STORES = {"postgres": "postgres", "dynamodb": "ministack", "mongodb": "mongo", "redis": "valkey", "lake": "ministack"}
"""System -> the server of the local stack that holds it."""
AFTER = ("gold", "metrics", "dashboards")


@dataclass(frozen=True, slots=True)
class Box:
    """A dataset, a job, or all datasets of a system.

    Attributes:
        name: on the map.
        link: the page about it.
        server: of a system: the server whose state it shows.
    """

    name: str
    title: str
    link: str
    server: str = ""


def layers(graph: Graph) -> list[list[Box]]:
    """The boxes, from left to right."""
    events = list(dict.fromkeys(edge.source for edge in graph.flows if edge.job == "jobs.sink-lake"))
    sinks = [one.id for one in graph.datasets.values() if one.id.startswith("jobs.sink-")]
    return [
        [_job("jobs.generate", "publisher")],
        [Box(name, name.removeprefix("kafka."), f"catalogue/{name}") for name in events],
        [*(_job(name, name.removeprefix("jobs.")) for name in sinks), _job("jobs.dead-letter-router", "dead letters")],
        [
            *(_system(system, server) for system, server in STORES.items()),
            Box("kafka.dead-letters", "dead-letters", "catalogue/kafka.dead-letters"),
        ],
        [_job("jobs.warehouse", "warehouse")],
        [_system(system) for system in AFTER],
    ]


def edges(graph: Graph, boxes: Collection[str]) -> list[tuple[str, str]]:
    """Pairs of boxes, by their names. Between the stores and what is after them, the boxes are systems."""

    def box_of(name: str) -> str:
        return name if name in boxes else name.partition(".")[0]

    found: dict[tuple[str, str], None] = {}
    for job in (name for name in boxes if name.startswith("jobs.")):
        found |= dict.fromkeys((box_of(edge.source), job) for edge in graph.edges(job, "up"))
        found |= dict.fromkeys((job, box_of(edge.target)) for edge in graph.edges(job, "down"))
    found |= dict.fromkeys(itertools.pairwise(AFTER))
    return [pair for pair in found if set(pair) <= set(boxes)]


def svg(graph: Graph) -> str:
    """The picture, as a part of a page."""
    found = layers(graph)
    tallest = max(map(len, found))
    height = MARGIN * 2 + tallest * (TALL + GAP) - GAP
    step = (WIDTH - 2 * MARGIN - BOX) / (len(found) - 1)
    places = {
        box.name: (MARGIN + number * step, top)
        for number, layer in enumerate(found)
        for box, top in zip(layer, _tops(layer, height), strict=True)
    }
    lines = [_line(source, target, places) for source, target in edges(graph, places)]
    boxes = [_box(box, *places[box.name]) for layer in found for box in layer]
    opening = f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="The way of an event through the platform">'
    return "\n".join([opening, *lines, *boxes, "</svg>"])


def _job(name: str, title: str) -> Box:
    return Box(name, title, f"catalogue/{name}")


def _system(system: str, server: str = "") -> Box:
    return Box(system, system, f"catalogue?system={system}", server)


def _tops(layer: Sequence[Box], height: int) -> Iterator[float]:
    own = len(layer) * (TALL + GAP) - GAP
    for number in range(len(layer)):
        yield (height - own) / 2 + number * (TALL + GAP)


def _line(source: str, target: str, places: dict[str, tuple[float, float]]) -> str:
    (left, top), (right, bottom) = places[source], places[target]
    if left == right:  # from one box of a layer to the next below
        path = f"M{left + BOX / 2} {top + TALL} V{bottom}"
    else:
        start, middle, above, below = left + BOX, (left + BOX + right) / 2, top + TALL / 2, bottom + TALL / 2
        path = f"M{start} {above} C{middle} {above} {middle} {below} {right} {below}"
    return f'<path class="flow" data-from="{escape(source)}" data-to="{escape(target)}" d="{path}"/>'


def _box(box: Box, left: float, top: float) -> str:
    server = f' data-server="{escape(box.server)}"' if box.server else ""
    return (
        f'<a href="{escape(box.link)}" class="box" data-node="{escape(box.name)}"{server}>'
        f'<rect x="{left}" y="{top}" width="{BOX}" height="{TALL}" rx="6"/>'
        f'<text class="title" x="{left + 10}" y="{top + 19}">{escape(box.title)}</text>'
        f'<text class="value" x="{left + 10}" y="{top + 36}"></text></a>'
    )
