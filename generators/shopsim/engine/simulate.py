"""Simulate all lanes, window by window, as columns."""

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

_LAST_MS = 4_102_444_800_000  # 2100, the last time that the contract allows


def simulate(scenario: Scenario, seed: int, *, lanes: Iterable[int] | None = None, first: int = 0) -> Iterator[Window]:
    """Yield the shop's events as columns, window by window, until the year 2100.

    Args:
        scenario: the shop.
        seed: any whole number.
        lanes: the lanes, all by default. The events of a lane do not depend on which other lanes are simulated.
        first: the first window. Earlier windows are simulated but not rendered, which is several times faster.

    Raises:
        ScenarioError: a lane that the scenario does not have.
        TypeError, ValueError: an invalid argument.
    """
    check_arguments(scenario, seed, ())
    check_minimum("first", first, 0)
    made = batches(scenario, seed, checked(scenario, lanes), first, tuple(TOPICS), pools(scenario, seed), 1)
    # An expression: a variable would hold the window in memory while the next one is simulated.
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
    """The same for the events of some topics, up to `at_once` windows per batch; `texts` are the pools of text."""
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
            # No variables: they would hold the frames in memory while the next ones are rendered.
            yield batch, renderer.render(next(parts), products)


def checked(scenario: Scenario, lanes: Iterable[int] | None) -> list[int]:
    """Check and sort lane numbers; None means all lanes.

    Raises:
        ScenarioError: a lane that the scenario does not have.
    """
    chosen = sorted(set(range(scenario.lanes) if lanes is None else lanes))
    if not chosen or chosen[0] < 0 or chosen[-1] >= scenario.lanes:
        raise ScenarioError(key="lanes", expected=f"lanes from 0 to {scenario.lanes - 1}", found=f"{chosen}")
    return chosen
