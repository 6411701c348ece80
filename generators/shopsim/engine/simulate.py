"""Lanes side by side, window after window."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import polars as pl

from shoplake.contract import TOPICS
from shopsim.core import ids
from shopsim.engine.arguments import check_arguments, check_minimum
from shopsim.engine.interleave import interleave_lanes
from shopsim.engine.lane import Lane
from shopsim.engine.render import Renderer
from shopsim.engine.window_plan import WindowPlan
from shopsim.engine.windows import Window, WindowBatch
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
    check_arguments(scenario, seed, ())
    check_minimum("first", first, 0)
    made = batches(scenario, seed, checked(scenario, lanes), first, tuple(TOPICS), pools(scenario, seed), 1)
    # As an expression: a name for the window would keep it while the next one is made.
    return (Window(batch.first, batch.start_ms, batch.ends_ms[0], frames) for batch, frames in made)


def batches(
    scenario: Scenario,
    seed: int,
    lanes: Sequence[int],
    first: int,
    topics: Collection[str],
    texts: Pools,
    at_once: int,
) -> Iterator[tuple[WindowBatch, Mapping[str, pl.DataFrame]]]:
    """The same for the events of some topics, with the pools of text given, up to `at_once` windows in one."""
    plan, catalogue = WindowPlan(scenario), Catalogue(scenario, seed)
    states = [Lane(scenario, seed, lane, plan.calendar) for lane in lanes]
    renderer = Renderer(scenario, ids.namespace(scenario.digest, seed, VERSION), texts, topics)
    for number in itertools.count():
        windows = plan.period_windows(number)
        if windows.period.end_ms > _LAST_MS:
            return
        products, events = catalogue.advance(windows.period)
        launched = events.take(windows.period.end_ms)
        happened = [state.advance(windows.period, products, launched) for state in states]
        window_batches = windows.batches(first, at_once)
        if not window_batches:
            continue
        parts = interleave_lanes(lanes, happened, window_batches)
        for batch in window_batches:
            # No names for the part and the frames: they would be kept while the next ones are made.
            yield batch, renderer.render(next(parts), products)


def checked(scenario: Scenario, lanes: Iterable[int] | None) -> list[int]:
    """Lanes in order, all of them for None.

    Raises:
        ScenarioError: a lane that the scenario does not have.
    """
    chosen = sorted(set(range(scenario.lanes) if lanes is None else lanes))
    if not chosen or chosen[0] < 0 or chosen[-1] >= scenario.lanes:
        raise ScenarioError(key="lanes", expected=f"lanes from 0 to {scenario.lanes - 1}", found=f"{chosen}")
    return chosen
