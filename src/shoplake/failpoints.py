"""Named places where a process can be told to die: before and after every write, commit and checkpoint.

`SHOPLAKE_FAILPOINT=postgres.commit.after=kill` kills the process (SIGKILL, as the kernel would) when it first gets
there; `…=stop` freezes it (SIGSTOP), `…=raise` makes it believe that the store went away. `…=kill:7` waits for the
seventh time, and commas stand between several. Read once, when a process starts; where nothing is set, `reach` is a
function that does nothing.

A point between two steps is named for the one that is harder to take back: what is after the write of a transaction
and before its commit is `commit.before`. A place where something can be half done and that has no name here is a gap
in the tests: `tests/faults/test_failpoints.py` crashes at each of them.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal, TypeAlias, get_args

from shoplake.errors import StoreUnavailable, UsageError

VARIABLE = "SHOPLAKE_FAILPOINT"
Action: TypeAlias = Literal["kill", "stop", "raise"]

# open: a new owner raises its epochs. write: data. checkpoint: how far. commit: where both become visible at once.
NAMES = (
    *("lake.open.before", "lake.open.after", "lake.write.before", "lake.commit.before", "lake.commit.after"),
    *("postgres.open.before", "postgres.open.after", "postgres.write.before", "postgres.checkpoint.before"),
    *("postgres.commit.before", "postgres.commit.after"),
    *("dynamodb.open.before", "dynamodb.open.after", "dynamodb.write.before", "dynamodb.write.after"),
    *("dynamodb.checkpoint.before", "dynamodb.checkpoint.after"),
    *("mongo.open.before", "mongo.open.after", "mongo.write.before", "mongo.write.after"),
    *("mongo.checkpoint.before", "mongo.checkpoint.after"),
    *("redis.open.before", "redis.open.after", "redis.commit.before", "redis.commit.after"),
    *("publish.write.before", "publish.checkpoint.before", "publish.commit.before", "publish.commit.after"),
    *("dead-letters.write.before", "dead-letters.checkpoint.before"),
    *("dead-letters.commit.before", "dead-letters.commit.after"),
    *("contracts.write.before", "contracts.checkpoint.before", "contracts.commit.before", "contracts.commit.after"),
)


class InjectedFailure(StoreUnavailable):
    """What `raise` raises: whoever talked to a store cannot know whether it did what it was asked."""

    code = "SL0505"
    advice = "Unset `SHOPLAKE_FAILPOINT`: the failure was asked for."


@dataclass(slots=True)
class Armed:
    """Points that do something, each at one of its visits."""

    plan: Mapping[str, tuple[Action, int]]
    _visits: Counter[str] = field(default_factory=Counter)
    # Sinks call blocking clients from threads.
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, name: str) -> None:
        """Act, where this is one of the points, and its visit."""
        if name not in self.plan:
            return
        action, visit = self.plan[name]
        with self._lock:
            self._visits[name] += 1
            if self._visits[name] != visit:
                return
        match action:
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "raise":
                raise InjectedFailure(f"failpoint {name}, visit {visit}")


def _nothing(name: str) -> None:
    """Not armed."""


reach: Callable[[str], None] = _nothing
"""Called as `failpoints.reach("<who>.<what>.<before or after>")`, by its full name, so that arming replaces it."""


def arm(environment: Mapping[str, str]) -> None:
    """Take the points that the environment names, if it names any. Called once, when a process starts.

    Raises:
        UsageError: there is no such point or action.
    """
    global reach
    if text := environment.get(VARIABLE):
        reach = Armed(dict(parse(one) for one in text.split(",")))


def parse(text: str) -> tuple[str, tuple[Action, int]]:
    """`name=action` or `name=action:visit`.

    Raises:
        UsageError: it is neither, or names what does not exist.
    """
    name, _, what = text.partition("=")
    action, _, visit = what.partition(":")
    if name not in NAMES:
        raise UsageError(f"{VARIABLE}: there is no failpoint '{name}'", fix=f"choose from {', '.join(NAMES)}")
    if action not in get_args(Action) or not (visit or "1").isdecimal() or visit == "0":
        raise UsageError(
            f"{VARIABLE}: expected {name}=kill, stop or raise, found '{what}'",
            fix="the number of a visit may follow: kill:3 is the third time that the process gets there",
        )
    return name, (action, int(visit or 1))  # type: ignore[return-value]  # checked above
