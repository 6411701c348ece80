"""Lanes side by side, window after window."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import polars as pl

from shoplake.contract import TOPICS
from shopsim.core import ids
from shopsim.engine.arguments import refuse_below, refuse_wrong
from shopsim.engine.interleave import interleaved
from shopsim.engine.lane import Lane
from shopsim.engine.render import Renderer
from shopsim.engine.window_plan import Schedule
from shopsim.engine.windows import Stretch, Window
from shopsim.errors import ScenarioError
from shopsim.scenario.sections import Scenario
from shopsim.shop.catalogue import Catalogue
from shopsim.shop.text_pools import Pools, pools
from shopsim.version import VERSION

_LAST_MS = 4_102_444_800_000  # 2100: the contract knows no later time


def simulate(scenario: Scenario, seed: int, *, lanes: Iterable[int] | None = None, first: int = 0) -> Iterator[Window]:
    """The shop's events as columns, window by window, without end (until the year 2100).

    Args:
        scenario: the shop.
        seed: any whole number.
        lanes: which lanes, all by default; the events of a lane do not depend on which others are simulated.
        first: window to begin with; earlier ones are simulated and not rendered, which is several times faster.

    Raises:
        ScenarioError: a lane that the scenario does not have.
        TypeError, ValueError: an argument that is none.
    """
    refuse_wrong(scenario, seed, ())
    refuse_below("first", first, 0)
    made = stretches(scenario, seed, checked(scenario, lanes), first, tuple(TOPICS), pools(scenario, seed), 1)
    # As an expression: a name for the window would keep it while the next one is made.
    return (Window(span.first, span.start_ms, span.ends_ms[0], frames) for span, frames in made)


def stretches(
    scenario: Scenario,
    seed: int,
    lanes: Sequence[int],
    first: int,
    topics: Collection[str],
    texts: Pools,
    at_once: int,
) -> Iterator[tuple[Stretch, Mapping[str, pl.DataFrame]]]:
    """The same for the events of some topics, with the pools of text given, up to `at_once` windows in one."""
    schedule, catalogue = Schedule(scenario), Catalogue(scenario, seed)
    states = [Lane(scenario, seed, lane, schedule.timetable) for lane in lanes]
    renderer = Renderer(scenario, ids.namespace(scenario.digest, seed, VERSION), texts, topics)
    for number in itertools.count():
        cut = schedule.cut(number)
        if cut.span.end_ms > _LAST_MS:
            return
        products, events = catalogue.advance(cut.span)
        launched = events.take(cut.span.end_ms)
        happened = [state.advance(cut.span, products, launched) for state in states]
        spans = cut.stretches(first, at_once)
        if not spans:
            continue
        parts = interleaved(lanes, happened, spans)
        for span in spans:
            # No names for the part and the frames: they would be kept while the next ones are made.
            yield span, renderer.render(next(parts), products)


def checked(scenario: Scenario, lanes: Iterable[int] | None) -> list[int]:
    """Lanes in order, all of them for None.

    Raises:
        ScenarioError: a lane that the scenario does not have.
    """
    chosen = sorted(set(range(scenario.lanes) if lanes is None else lanes))
    if not chosen or chosen[0] < 0 or chosen[-1] >= scenario.lanes:
        raise ScenarioError(key="lanes", expected=f"lanes from 0 to {scenario.lanes - 1}", found=f"{chosen}")
    return chosen
