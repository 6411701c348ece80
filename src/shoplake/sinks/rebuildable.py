"""The interface of a store that can be rebuilt (emptied and filled again) while sinks write to it.

Each rebuild has a number. The store keeps the number and the state of the current rebuild with its checkpoints, under a
name that no partition has. A new rebuild fences every owner in every process: the checkpoints start again at 0, with
epochs that no owner has.
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
"""The name under which the state of the rebuild is stored among the checkpoints."""

HELD_RETRY_S = 20.0


@dataclass(frozen=True, slots=True)
class Filling:
    """Number and state of the current rebuild of a store.

    Attributes:
        number: 0 before the first rebuild; each rebuild raises it.
        state: `whole`: no rebuild is running. `filling`: it is filled from the log, by any owner. `held`: it is filled
            from the lake, by one process alone.
    """

    number: int = 0
    state: State = "whole"


def state_of(text: str) -> State:
    """Parse a state from a store.

    Raises:
        SinkError: this release does not know the state.
    """
    for state in STATES:
        if state == text:
            return state
    raise SinkError(
        f"expected the state of a rebuild ({', '.join(STATES)}), found '{text}'", fix="use the newer release"
    )


class RebuildableSink(Sink):
    """A sink whose store can be rebuilt.

    While the store is `held`, only the instance that fills it can `open` it. `checkpoints` and `identify` ignore
    checkpoints and topic identities of earlier rebuilds.
    """

    holds = False
    """Whether this instance is the one that fills the store in state `held`."""

    @abstractmethod
    async def filling(self) -> Filling:
        """Read the state of the current rebuild."""

    @abstractmethod
    async def begin_filling(self, partitions: Iterable[TopicPartition], state: State) -> None:
        """Start a rebuild: fence every owner, empty the store, and start the partitions at offset 0.

        The next call completes or reverts an interrupted one.

        Raises:
            Fenced: another process has started a rebuild at the same time.
            StoreUnavailable: the store did not answer; the call can be repeated.
        """

    @abstractmethod
    async def note_filling(self, state: State) -> None:
        """Change the state of the current rebuild; `whole` also removes data of earlier rebuilds."""

    def refuse_held(self, filling: Filling) -> None:
        """Refuse to open the store while another process fills it from the lake.

        Raises:
            BeingRebuilt: another process is filling the store; this sink has to wait.
        """
        if filling.state == "held" and not self.holds:
            raise BeingRebuilt(
                f"{self.name} is being rebuilt from the lake; if that was stopped, run `shoplake rebuild {self.name}`",
                retry_after_s=HELD_RETRY_S,
            )


def identity_name(topic: str, filling: Filling) -> str:
    """The name under which a keyed store keeps a topic's identity: a new rebuild has a new name, and so no identity."""
    return f"{topic}@{filling.number}" if filling.number else topic
