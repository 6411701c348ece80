"""What a store offers beside `Sink` so that it can be emptied and filled again while others write to it.

A store counts its fillings. The number and the state of the current one are kept with the checkpoints, under a name
that is no partition's. Beginning a new filling fences every owner, in whatever process: the checkpoints start again at
0, under epochs that nobody holds yet.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shoplake.errors import BeingRebuilt, SinkError
from shoplake.sinks.base import Sink, TopicPartition

State = Literal["whole", "filling", "held"]
STATES: tuple[State, ...] = ("whole", "filling", "held")
NAME = TopicPartition("rebuild", 0)
"""Where the filling is kept among the checkpoints."""

HELD_RETRY_S = 20.0


@dataclass(frozen=True, slots=True)
class Filling:
    """Which filling of a store is current.

    Attributes:
        number: 0 for the first, raised by each rebuild.
        state: `whole`; `filling` from the log, which any owner may do; `held` for who fills it from the lake.
    """

    number: int = 0
    state: State = "whole"


def state_of(text: str) -> State:
    """A state as a store holds it.

    Raises:
        SinkError: it is none that this release knows.
    """
    for state in STATES:
        if state == text:
            return state
    raise SinkError(f"expected a rebuild that is {', '.join(STATES)}, found '{text}'", fix="use the newer release")


class RebuildableSink(Sink):
    """A store that can be rebuilt.

    `open` is refused while it is held, but to the one who holds it. `checkpoints` leaves out what an earlier filling
    has opened, and `identify` what an earlier filling was made of.
    """

    holds = False
    """Whether this instance fills the store while it is held."""

    @abstractmethod
    async def filling(self) -> Filling:
        """The current filling."""

    @abstractmethod
    async def begin_filling(self, partitions: Iterable[TopicPartition], state: State) -> None:
        """Empty the store: fence every owner, and start the partitions at 0.

        What an interrupted call did is undone or completed by the next.

        Raises:
            Fenced: somebody else has begun one at the same time.
            StoreUnavailable: the store did not answer; the same call again is safe.
        """

    @abstractmethod
    async def note_filling(self, state: State) -> None:
        """Change the state of the current filling; `whole` also removes what is left of earlier ones."""

    def refuse_held(self, filling: Filling) -> None:
        """Ask whoever opens the store to wait while somebody else fills it from the lake.

        Raises:
            BeingRebuilt: it is so.
        """
        if filling.state == "held" and not self.holds:
            raise BeingRebuilt(
                f"{self.name} is being rebuilt from the lake: `shoplake rebuild {self.name}`, again if it was stopped",
                retry_after_s=HELD_RETRY_S,
            )


def identity_name(topic: str, filling: Filling) -> str:
    """Where a store that deletes nothing notes which topic fills it, so that a new filling knows of none."""
    return f"{topic}@{filling.number}" if filling.number else topic
