"""The encoded events in order, from any position, up to any number, by any number of processes."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

import polars as pl

from shopsim.encode import encode
from shopsim.parallel import encoded_in_parallel
from shopsim.scenario import Scenario
from shopsim.simulate import simulate
from shopsim.windows import EncodedWindow, Position


def stream(
    scenario: Scenario,
    seed: int,
    *,
    start: Position = Position(),  # noqa: B008 - frozen
    limit: int | None = None,
    workers: int = 1,
) -> Iterator[EncodedWindow]:
    """Events as bytes, window by window, in the order (occurred_at_ms, lane, seq); the same for any number of workers.

    Args:
        scenario: the shop.
        seed: any whole number.
        start: where to begin; earlier windows are simulated again without being encoded, no state is stored.
        limit: number of events from `start`; without it the stream has no end.
        workers: processes; more than the scenario has lanes are not started. With more than one, a script needs
            the usual `if __name__ == "__main__":`, as the processes are spawned.

    Raises:
        WorkerFailed: a process died.
    """
    workers = min(workers, scenario.lanes)
    if workers > 1:
        windows = encoded_in_parallel(scenario, seed, start.window, workers)
    else:
        windows = _encoded(scenario, seed, start.window)
    with closing(windows):  # the workers end when this one is closed
        yield from _cut(windows, start, limit)


def _encoded(scenario: Scenario, seed: int, first: int) -> Generator[pl.DataFrame, None, None]:
    for window in simulate(scenario, seed, first=first):
        yield encode(scenario, seed, window)


def _cut(windows: Iterator[pl.DataFrame], start: Position, limit: int | None) -> Iterator[EncodedWindow]:
    skip, left = start.skip, limit
    if left is not None and left <= 0:
        return
    for index, whole in enumerate(windows, start=start.window):
        rows = whole.slice(skip, left)
        ended = skip + rows.height >= whole.height
        following = Position(index + 1, 0) if ended else Position(index, skip + rows.height)
        if rows.height:
            yield EncodedWindow(index, rows, following)
        skip = max(0, skip - whole.height)
        if left is not None:
            left -= rows.height
            if left <= 0:
                return
