"""Which fault, when: drawn from a seed, so that the seed of a failing run repeats its schedule."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

# A worker is ready after some two seconds; until the group has noticed that its predecessor is dead, six.
STARTING_S = (0.2, 8.0)
HALF_DONE_S = (0.0, 0.1)
WHILE_STARTING = 0.2


@dataclass(frozen=True)
class Kill:
    """When a worker is killed.

    Attributes:
        events: once it has applied so many,
        within_s: or after so long, whichever is first; None waits for the events.
        then_s: and a moment later.
    """

    events: int
    within_s: float | None
    then_s: float


@dataclass
class Journal:
    """What was done to whom, for whoever has to find out why a run failed."""

    seed: int
    entries: list[tuple[float, str]] = field(default_factory=list)
    _begun: float = field(default_factory=time.monotonic)

    def note(self, text: str) -> None:
        self.entries.append((time.monotonic() - self._begun, text))

    def since(self, first: int) -> str:
        return "\n".join(f"{at:8.2f} s  {text}" for at, text in self.entries[first:])


class Nemesis:
    """Draws faults for one row and, apart from the others, for one sink."""

    def __init__(self, journal: Journal, *scope: object) -> None:
        self._journal = journal
        self._scope = scope
        self._random = random.Random("/".join(map(str, (journal.seed, *scope))))

    def of(self, *scope: object) -> Nemesis:
        """One whose draws depend on nothing that this one draws."""
        return Nemesis(self._journal, *self._scope, *scope)

    def note(self, text: str) -> None:
        """Into the journal."""
        self._journal.note(f"[{' '.join(map(str, self._scope))}] {text}")

    def kills(self, count: int, events: int) -> list[Kill]:
        """Moments in the lives of so many workers, who will apply so many events in all and some more.

        Four of five are while it writes, one while it starts or takes over.
        """
        return [self._kill(max(1, events // (2 * count))) for _ in range(count)]

    def _kill(self, most_events: int) -> Kill:
        starting = self._random.random() < WHILE_STARTING
        events, then_s = self._random.randint(1, most_events), self._random.uniform(*HALF_DONE_S)
        within_s = self._random.uniform(*STARTING_S)
        return Kill(most_events, within_s, 0.0) if starting else Kill(events, None, then_s)

    def number(self, lowest: int, highest: int) -> int:
        """Whole, both ends included."""
        return self._random.randint(lowest, highest)

    def seconds(self, least: float, most: float) -> float:
        return self._random.uniform(least, most)

    def pick(self, choices: Sequence[T]) -> T:
        return self._random.choice(choices)

    def shuffled(self, values: Sequence[T]) -> list[T]:
        return self._random.sample(values, len(values))
