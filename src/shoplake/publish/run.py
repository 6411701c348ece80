"""Which events are to be published: a scenario, a seed and how many."""

from __future__ import annotations

from dataclasses import dataclass

import shopsim
from shoplake.errors import UsageError


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario and a seed name the shop, `events` says how much of it.

    Attributes:
        events: total, counted from the start of the simulation.
        workers: processes that simulate; the events are the same for any number.
    """

    scenario: shopsim.Scenario
    seed: int
    events: int
    workers: int = 1

    @property
    def publisher(self) -> str:
        """Name under which progress is kept; a second publisher of this name fences the first."""
        return f"{self.scenario.name}-{self.seed}"


def load_scenario(name_or_path: str) -> shopsim.Scenario:
    """A shipped scenario by name, or one from a file.

    Raises:
        UsageError: there is none, or it is not valid; the message says where and what was expected.
    """
    try:
        return shopsim.load_scenario(name_or_path)
    except shopsim.ScenarioError as error:
        raise UsageError(
            str(error), fix="`shoplake generate --help`; scenarios are in generators/scenarios/"
        ) from error
