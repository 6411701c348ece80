"""Estimate the size of a run: by a full simulation if it is small, otherwise from some of its lanes.

Each lane is a small copy of the shop with its own customers, over the same days. A few lanes therefore show growth,
seasons and campaigns, which the first days of all lanes would not.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from shoplake.contract import TOPICS
from shoplake.errors import UsageError
from shoplake.publish.run import DAY_MS, Run

BUDGET = 500_000
"""Maximum number of records of a full simulation. A larger run is estimated."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The expected output of a run.

    Attributes:
        records, size_bytes, faults: by topic; bytes are those of the values, as JSON lines have them.
        days: simulated days, from the start to the last record.
        lanes: number of simulated lanes; all of them for an exact result.
        share: part of the run that those lanes were simulated for; 1 means to its end.
        exact: whether the whole run was simulated.
    """

    records: dict[str, int]
    size_bytes: dict[str, int]
    faults: dict[str, int]
    days: float
    lanes: int
    share: float
    exact: bool


@dataclass(frozen=True, slots=True)
class _Step:
    """What some lanes published up to the end of one window, of the topics of the run."""

    last_ms: int
    share: float
    counts: Mapping[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class _Sample:
    """Steps of some lanes; `ended` where they are the whole run of those lanes."""

    lanes: int
    steps: list[_Step]
    ended: bool


def forecast(run: Run, budget: int = BUDGET) -> Forecast:
    """Count what a run would publish.

    Args:
        run: with an end, in records or in time.
        budget: records, of whatever topic, that may be simulated at a time; about twice as many are, at most.

    Raises:
        UsageError: the run has no end.
    """
    if run.events is None and run.until_ms is None:
        raise UsageError(
            "--dry-run: expected a limit, found a run without an end", fix="set a limit with --days or --events"
        )
    every = run.scenario.lanes
    whole = _sampled(run, range(every), budget)
    if whole.ended or every == 1:
        return _scaled(run, whole)
    # At least one lane, and as many as the budget allows if all goes on as it began.
    some = max(1, min(every - 1, int(every * whole.steps[-1].share)))
    return _scaled(run, _sampled(run, [number * every // some for number in range(some)], budget))


def _sampled(run: Run, lanes: Sequence[int], budget: int) -> _Sample:
    wanted = None if run.events is None else max(1, round(run.events * len(lanes) / run.scenario.lanes))
    counts: dict[str, Counter[str]] = {"records": Counter(), "size_bytes": Counter(), "faults": Counter()}
    steps: list[_Step] = []
    simulated = 0
    # Of all topics: what is left out has to be simulated too, and the budget is one of time.
    everything = dataclasses.replace(run, events=None, topics=tuple(TOPICS))
    with contextlib.closing(everything.stream(lanes=lanes)) as windows:
        for window in windows:
            left = None if wanted is None else wanted - counts["records"].total()
            rows = window.rows.filter(pl.col("topic").cast(pl.String).is_in(run.topics)).slice(0, left)
            for (topic,), part in rows.partition_by("topic", as_dict=True).items():
                counts["records"][str(topic)] += part.height
                counts["size_bytes"][str(topic)] += int(part["value"].bin.size().sum()) + part.height
                counts["faults"][str(topic)] += part["fault"].count()
            last_ms = int((rows if rows.height else window.rows)["published_at_ms"][-1])
            done = counts["records"].total()
            steps.append(_Step(last_ms, _share(run, done, wanted, last_ms), {k: Counter(c) for k, c in counts.items()}))
            simulated += window.rows.height
            if done == wanted:
                return _Sample(len(lanes), steps, ended=True)
            if simulated > budget:
                return _Sample(len(lanes), steps, ended=False)
    return _Sample(len(lanes), steps, ended=True)


def _share(run: Run, done: int, wanted: int | None, last_ms: int) -> float:
    """How much of the run a number of records and a time are, by what ends it first."""
    shares = [0.0 if wanted is None else done / wanted]
    if run.until_ms is not None:
        shares.append((last_ms - run.scenario.start_ms) / (run.until_ms - run.scenario.start_ms))
    return min(1.0, max(shares))


def _scaled(run: Run, sample: _Sample) -> Forecast:
    """The sample for all lanes, and to the end: what is missing goes on like the second half of what was seen."""
    last = sample.steps[-1]
    share = 1.0 if sample.ended else max(last.share, 1e-9)
    middle = next(step for step in sample.steps if step.share >= share / 2 or step is last)
    if middle is last:  # one window only
        middle = _Step(run.scenario.start_ms, 0.0, {name: Counter() for name in last.counts})
    onwards = 0.0 if sample.ended else (1 - share) / (share - middle.share)
    lanes = run.scenario.lanes / sample.lanes

    def scaled(name: str) -> dict[str, int]:
        seen, before = last.counts[name], middle.counts[name]
        return {topic: round(lanes * (seen[topic] + onwards * (seen[topic] - before[topic]))) for topic in run.topics}

    end_ms = last.last_ms + onwards * (last.last_ms - middle.last_ms)
    return Forecast(
        records=scaled("records"),
        size_bytes=scaled("size_bytes"),
        faults=scaled("faults"),
        days=(end_ms - run.scenario.start_ms) / DAY_MS,
        lanes=sample.lanes,
        share=share,
        exact=sample.ended and sample.lanes == run.scenario.lanes,
    )
