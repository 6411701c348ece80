"""The definition of a run: scenario, seed, topics, and a limit in events or time."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass

import shopsim
from shoplake.contract import TOPICS
from shoplake.errors import InvalidScenario, PublishError, UnknownName, UsageError

DAY_MS = 86_400_000
_LAST = dt.date(2100, 1, 1)

OnProgress = Callable[[int, shopsim.EncodedWindow | None], None]
"""Progress callback: total records of the run, and None at the start or else the newly published window or part."""


def all_of(watches: Sequence[OnProgress]) -> OnProgress:
    """Combine several progress callbacks."""

    def call_all(events: int, window: shopsim.EncodedWindow | None) -> None:
        for watch in watches:
            watch(events, window)

    return call_all


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario and a seed name the shop, the rest says how much of it.

    Attributes:
        events: records in all, counted from the start of the simulation; None for no such end.
        workers: processes that simulate; the records are the same for any number.
        until_ms: only what is published before then, UTC milliseconds; None for no such end.
        topics: only the records of these, in the order of the contract.
    """

    scenario: shopsim.Scenario
    seed: int
    events: int | None
    workers: int = 1
    until_ms: int | None = None
    topics: tuple[str, ...] = tuple(TOPICS)

    @property
    def publisher(self) -> str:
        """Name under which progress is kept; a second publisher of this name fences the first."""
        return f"{self.scenario.name}-{self.seed}"

    def stream(
        self,
        start: shopsim.Position | None = None,
        *,
        after: int = 0,
        limit: int | None = None,
        lanes: Iterable[int] | None = None,
    ) -> Generator[shopsim.EncodedWindow, None, None]:
        """The run's records from a position on.

        Args:
            start: where to begin.
            after: records of the run before `start`; they count towards `events`.
            limit: most records to give.
            lanes: only the records of these.

        Raises:
            PublishError: a simulating process died.
        """
        left = [n for n in (limit, None if self.events is None else max(0, self.events - after)) if n is not None]
        windows = shopsim.stream(
            self.scenario,
            self.seed,
            start=start or shopsim.Position(),
            limit=min(left, default=None),
            until_ms=self.until_ms,
            topics=self.topics,
            lanes=lanes,
            workers=self.workers,
        )
        try:
            yield from windows
        except shopsim.WorkerFailed as error:
            raise PublishError(
                f"the simulation failed: {error}", fix="run the same command again to continue"
            ) from error


def load_scenario(name_or_path: str, start: str = "") -> shopsim.Scenario:
    """A shipped scenario by name, or one from a file, moved to another start where one is given (`2026-09-01`).

    Raises:
        UsageError: there is none, or it is not valid; the message says where and what was expected.
    """
    try:
        scenario = shopsim.load_scenario(name_or_path)
        return shopsim.starting(scenario, _date(start)) if start else scenario
    except shopsim.ScenarioError as error:
        fix = (
            f"`shoplake scenario check {name_or_path}` lists all that is wrong"
            if error.file
            else "`shoplake scenario list` shows those that come with it, `shoplake scenario new` makes one"
        )
        raise InvalidScenario(str(error), fix=fix) from error


def end_of(scenario: shopsim.Scenario, days: int) -> int:
    """The end of a number of days of a shop, UTC milliseconds.

    Raises:
        UsageError: it would be later than events can be.
    """
    if days > (_LAST - scenario.start).days:
        raise UsageError(
            f"--days: expected an end before {_LAST}, found {days} days from {scenario.start}",
            fix="use fewer days, or an earlier --start",
        )
    return scenario.start_ms + days * DAY_MS


def topics_named(names: str) -> tuple[str, ...]:
    """Topics from a comma-separated list, in the order of the contract; all of them for an empty one.

    Raises:
        UsageError: a topic that there is not.
    """
    wanted = {name.strip() for name in names.split(",") if name.strip()}
    for name in sorted(wanted - set(TOPICS)):
        near = difflib.get_close_matches(name, TOPICS, n=1)
        hint = f" (did you mean `{near[0]}`?)" if near else ""
        raise UnknownName(f"--topics: expected topics out of {', '.join(TOPICS)}, found `{name}`{hint}")
    return tuple(topic for topic in TOPICS if not wanted or topic in wanted)


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--start: expected a date such as 2026-09-01, found `{text}`") from None
