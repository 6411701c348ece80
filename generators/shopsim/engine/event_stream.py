"""The stream of encoded events in order: from any position, up to any limit, with any number of processes."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import closing
from itertools import islice

import polars as pl

from shoplake.contract import TOPICS
from shopsim.engine.arguments import check_arguments, check_minimum
from shopsim.engine.parallel import published_batches_in_parallel
from shopsim.engine.publish_windows import published_batches
from shopsim.engine.simulate import checked
from shopsim.engine.window_plan import WindowPlan
from shopsim.engine.windows import EncodedWindow, Position, PublishedBatch
from shopsim.scenario.sections import Scenario
from shopsim.shop.text_pools import pools


def stream(
    scenario: Scenario,
    seed: int,
    *,
    start: Position = Position(),  # noqa: B008 - frozen
    limit: int | None = None,
    until_ms: int | None = None,
    topics: Collection[str] = tuple(TOPICS),
    lanes: Iterable[int] | None = None,
    workers: int = 1,
) -> Generator[EncodedWindow, None, None]:
    """Yield encoded records window by window, in the order of publication. The output is the same for any worker count.

    An event is one record, or two if the scenario duplicates it. It is published when it happens, or later if the
    scenario delays it. Without such faults the order is (occurred_at_ms, lane, seq).

    Args:
        scenario: the shop.
        seed: any whole number.
        start: where to begin. Earlier windows are simulated again but not encoded, because no state is stored.
        limit: number of records from `start`. Without `limit` and `until_ms` the stream ends in the year 2100.
        until_ms: only records published before this time, UTC milliseconds.
        topics: only records of these topics; a `Position` counts only these.
        lanes: only records of these lanes, all by default.
        workers: number of processes, at most one per lane. With more than one, a script needs the usual
            `if __name__ == "__main__":`, because the processes are spawned.

    Raises:
        ScenarioError: a lane that the scenario does not have.
        TypeError, ValueError: an invalid argument. As a generator it raises at the first `next`.
        WorkerFailed: a process died, or the script has no `if __name__ == "__main__":`.
    """
    check_arguments(scenario, seed, topics)
    for name, value, least in (("limit", limit, 0), ("until_ms", until_ms, 0), ("workers", workers, 1)):
        check_minimum(name, value, least)
    chosen = checked(scenario, lanes)
    workers = min(workers, len(chosen))
    if workers > 1:
        batches = published_batches_in_parallel(scenario, seed, chosen, start.window, topics, workers)
    else:
        batches = _published_in_this_process(scenario, seed, chosen, start.window, topics)
    with closing(batches):  # closing it stops the workers
        yield from _limited(islice(_windows(batches), _window_count(scenario, start, until_ms)), start, limit, until_ms)


def _published_in_this_process(
    scenario: Scenario, seed: int, lanes: list[int], first: int, topics: Collection[str]
) -> Generator[PublishedBatch, None, None]:
    yield from published_batches(scenario, seed, lanes, first, topics, pools(scenario, seed))


def _windows(batches: Iterator[PublishedBatch]) -> Iterator[pl.DataFrame]:
    for batch in batches:
        windows = batch.windows()
        del batch  # frees its memory before the next batch is simulated
        yield from windows
        del windows


def _limited(
    windows: Iterator[pl.DataFrame], start: Position, limit: int | None, until_ms: int | None
) -> Iterator[EncodedWindow]:
    skip, left = start.skip, limit
    if left is not None and left <= 0:
        return
    index = start.window - 1  # not `enumerate`, which would hold a window in memory while the next one is simulated
    for whole in windows:
        index += 1
        known = whole if until_ms is None else whole.filter(pl.col("published_at_ms") < until_ms)
        rows = known.slice(skip, left)
        # The records that `until_ms` excludes are the next ones of the stream.
        ended = skip + rows.height >= whole.height
        following = Position(index + 1, 0) if ended else Position(index, skip + rows.height)
        if rows.height:
            yield EncodedWindow(index, skip, rows, following)
        skip = max(0, skip - whole.height)
        if left is not None:
            left -= rows.height
            if left <= 0:
                return
        del whole, known, rows


def _window_count(scenario: Scenario, start: Position, until_ms: int | None) -> int | None:
    """Number of windows from that of `start` on that begin before `until_ms`."""
    if until_ms is None:
        return None
    if until_ms <= scenario.start_ms:
        return 0
    return max(0, WindowPlan(scenario).window_at(until_ms - 1) + 1 - start.window)
