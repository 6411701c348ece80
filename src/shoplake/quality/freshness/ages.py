"""How old each dataset is, against its objective, by the positions up to which it has read the log.

No table is read. Events have simulated times, so the age of the newest event in a dataset is counted from the newest
event in the log. The age by arrival is by the clock: how long the oldest record that the dataset lacks has been
in the log. So a shop that is not simulated any more does not make its stores old; a store that stops does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shoplake import stack
from shoplake.contract import TOPICS
from shoplake.environments import LOCAL, services_of
from shoplake.errors import MissingExtra, ShoplakeError
from shoplake.map import project
from shoplake.map.graph import Freshness
from shoplake.positions import Place, Positions
from shoplake.quality.facts import Facts
from shoplake.quality.freshness import log_times
from shoplake.quality.results import Outcome, Result
from shoplake.quality.stores import checkpoints
from shoplake.streaming.log_bounds import read_bounds
from shoplake.warehouse import state, status

if TYPE_CHECKING:
    from shoplake.quality.freshness.log_times import Times
    from shoplake.settings import Settings

SINK_OF = {"lake": "lake", "postgres": "postgres", "dynamodb": "dynamodb", "mongodb": "mongo", "redis": "redis"}
WAREHOUSE = ("silver", "gold")
EVENT_TIME, ARRIVAL = "freshness(event_time)", "freshness(arrival)"
WHAT_TO_DO = {
    "kafka": "No events of this topic while others have some: look at its producer.",
    "silver": "`shoplake warehouse build`; the lake may be behind, too: `shoplake lag`.",
    "gold": "`shoplake warehouse build`; the lake may be behind, too: `shoplake lag`.",
}
OF_SINK = (
    "`shoplake lag` shows how far the sink is behind, `shoplake status` if its store runs; `shoplake stream` goes on."
)
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Age:
    """How old a dataset is.

    Attributes:
        event_time_s: from the newest event in the dataset to the newest in the log; None if unknown.
        arrival_s: how long the oldest record that the dataset lacks has waited, 0 if it lacks none. None if unknown.
        objective: how old it may be.
        owner: of the dataset.
        positions: its positions in its topics.
        problem: why the age is unknown; empty if it is known.
    """

    dataset: str
    event_time_s: float | None
    arrival_s: float | None
    objective: Freshness
    owner: str
    positions: Positions
    problem: str = ""

    def results(self) -> list[Result]:
        """One result for each objective."""
        measured = (
            (EVENT_TIME, self.event_time_s, self.objective.event_time_s),
            (ARRIVAL, self.arrival_s, self.objective.arrival_s),
        )
        return [self._result(name, age, limit) for name, age, limit in measured if limit is not None]

    def _result(self, name: str, age: float | None, limit: int) -> Result:
        outcome: Outcome = "unknown" if age is None else "passed" if age <= limit else "failed"
        detail = self.problem or ("no events yet" if age is None else f"{duration(age)} old, at most {duration(limit)}")
        system = self.dataset.partition(".")[0]
        to_do = WHAT_TO_DO.get(system, OF_SINK)
        return Result(
            self.dataset,
            name,
            "freshness",
            "error",
            self.owner,
            "freshness",
            to_do,
            outcome,
            age,
            detail=detail,
            positions=self.positions,
        )


def ages(settings: Settings, environment: str, facts: Facts, progress: Progress = lambda _: None) -> list[Age]:
    """The age of every dataset that has an objective and reads the log; without the warehouse if none was built.

    Raises:
        LogUnavailable: Kafka did not answer: no age is known.
        StreamHalted: Kafka does not have a topic.
    """
    if environment == LOCAL:
        stack.connections(services_of({"log"}))
    _, found = asyncio.run(read_bounds(settings.kafka, TOPICS))
    bounds = {Place(*partition): (one.start, one.stop) for partition, one in found.items()}
    ends = Positions({place: end for place, (_, end) in bounds.items()})
    wanted = {
        name: one.freshness
        for name, one in facts.datasets.items()
        if (one.freshness.event_time_s or one.freshness.arrival_s) and one.system in ("kafka", *SINK_OF, *WAREHOUSE)
    }
    positions = _positions(settings, environment, {name.partition(".")[0] for name in wanted}, ends, progress)
    topics = {name: _topics(name) for name in wanted}
    read = {
        name: known.of_topics(topics[name])
        for name in wanted
        if isinstance(known := positions[name.partition(".")[0]], Positions)
    }
    asked = {(place, offset) for one in (ends, *read.values()) for place, offset in one.next_offsets.items()}
    times = asyncio.run(log_times.read(settings.kafka, asked, bounds))
    newest = max((t.newest_event_ms or 0 for t in times.values()), default=0)
    now_ms = time.time() * 1000
    result = []
    for name, objective in wanted.items():
        known = positions[name.partition(".")[0]]
        if known is None:
            continue  # no warehouse
        owner = facts.owner(name)
        if isinstance(known, str):
            result.append(Age(name, None, None, objective, owner, Positions(), known))
            continue
        at = _complete(read[name], topics[name], bounds)
        result.append(_age(name, at, times, newest, now_ms, objective, owner))
    return result


def duration(seconds: float) -> str:
    """Seconds in a unit that is read at once: `45 s`, `12 min`, `26 h`, `3.5 d`."""
    for least, size, unit in ((172_800, 86_400, "d"), (3_600, 3_600, "h"), (60, 60, "min")):
        if seconds >= least:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def _age(
    name: str,
    at: Positions,
    times: Mapping[tuple[Place, int], Times],
    newest_ms: int,
    now_ms: float,
    objective: Freshness,
    owner: str,
) -> Age:
    places = [times[one] for one in at.next_offsets.items() if one in times]
    events = [one.newest_event_ms for one in places if one.newest_event_ms is not None]
    waiting = [one.waiting_since_ms for one in places if one.waiting_since_ms is not None]
    event_age = (newest_ms - max(events)) / 1000 if events else None
    arrival = max(0.0, (now_ms - min(waiting)) / 1000) if waiting else 0.0
    return Age(name, event_age, arrival, objective, owner, at)


def _positions(
    settings: Settings, environment: str, systems: Iterable[str], ends: Positions, progress: Progress
) -> dict[str, Positions | str | None]:
    """System -> the positions of its datasets, or why they are unknown. None if there is no warehouse."""
    found: dict[str, Positions | str | None] = {}
    for system in systems:
        try:
            found[system] = _of_system(settings, environment, system, ends)
        except ShoplakeError as error:
            found[system] = error.message
            progress(f"{system}: {error.message}")
    return found


def _of_system(settings: Settings, environment: str, system: str, ends: Positions) -> Positions | None:
    if system == "kafka":
        return ends
    if system in WAREHOUSE:
        if not state.database(environment).exists():
            return None
        return status.read(environment).positions
    name = SINK_OF[system]
    if environment == LOCAL:
        stack.connections(services_of({name}))
    return asyncio.run(checkpoints.positions(settings, name, ends.next_offsets))


def _topics(name: str) -> frozenset[str]:
    """The topics that a dataset comes from; all of them if the map cannot say."""
    system, _, short = name.partition(".")
    if system in ("kafka", "lake"):
        return frozenset({short})
    try:
        upstream = project.graph().reached(name, "up")
    except MissingExtra:
        return frozenset(TOPICS)
    return frozenset(one.removeprefix("kafka.") for one in upstream if one.startswith("kafka.")) & TOPICS.keys()


def _complete(positions: Positions, topics: frozenset[str], bounds: Mapping[Place, tuple[int, int]]) -> Positions:
    """A partition that a reader has no position of was not read at all."""
    begins = {place: begin for place, (begin, _) in bounds.items() if place.topic in topics}
    return Positions({**begins, **positions.next_offsets})


def oldest(found: Sequence[Age]) -> Age | None:
    """The dataset with the oldest newest event."""
    known = [one for one in found if one.event_time_s is not None]
    return max(known, key=lambda one: one.event_time_s or 0.0, default=None)
