"""Failpoints: named places in the code where a test can kill the process, before and after every write and commit.

`SHOPLAKE_FAILPOINT=postgres.commit.after=kill` kills the process (SIGKILL) at its first visit of this failpoint.
`…=stop` freezes it (SIGSTOP), `…=raise` raises `StoreUnavailable`. `…=kill:7` acts at the seventh visit. Commas
separate several failpoints. The variable is read once, when a process starts; if it is not set, `hit` does nothing.

A failpoint between two steps has the name of the step that is harder to undo: the one after the write of a transaction
and before its commit is `commit.before`. Every place where work can be left half done needs a failpoint;
`tests/faults/test_failpoints.py` crashes at each of them.
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

# open: a new owner raises its epochs. write: data. checkpoint: offsets. commit: both become visible together.
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
    """A failure injected for tests: the outcome of the write is unknown."""

    code = "SL0505"
    advice = "Unset `SHOPLAKE_FAILPOINT`: it requested this failure."


@dataclass(slots=True)
class Armed:
    """The active failpoints, each with its action and the visit at which it acts."""

    plan: Mapping[str, tuple[Action, int]]
    _visits: Counter[str] = field(default_factory=Counter)
    # Sinks call blocking clients from threads.
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, name: str) -> None:
        """Count a visit of a failpoint, and act if it is the planned one."""
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
    """Do nothing: no failpoint is active."""


hit: Callable[[str], None] = _nothing
"""Marks a failpoint: `failpoints.hit("<store>.<step>.<before or after>")`. Do not import it: `arm` replaces it."""


def arm(environment: Mapping[str, str]) -> None:
    """Activate the failpoints that the environment names. Called once, when a process starts.

    Raises:
        UsageError: there is no such failpoint or action.
    """
    global hit
    if text := environment.get(VARIABLE):
        hit = Armed(dict(parse(one) for one in text.split(",")))


def parse(text: str) -> tuple[str, tuple[Action, int]]:
    """Parse `name=action` or `name=action:visit`.

    Raises:
        UsageError: the text has another form, or there is no such failpoint or action.
    """
    name, _, what = text.partition("=")
    action, _, visit = what.partition(":")
    if name not in NAMES:
        raise UsageError(f"{VARIABLE}: there is no failpoint '{name}'", fix=f"choose from {', '.join(NAMES)}")
    if action not in get_args(Action) or not (visit or "1").isdecimal() or visit == "0":
        raise UsageError(
            f"{VARIABLE}: expected {name}=kill, stop or raise, found '{what}'",
            fix="add `:N` to act at visit N: kill:3 kills the process at the third visit",
        )
    return name, (action, int(visit or 1))  # type: ignore[return-value]  # checked above
