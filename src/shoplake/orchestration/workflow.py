"""Interface of `workflow.py` of a workflow: the decorator `step`, and the context that each step gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from shoplake.terminal import to_stderr

if TYPE_CHECKING:
    from shoplake.settings import Settings

Value: TypeAlias = str | int | float | bool
"""Value of a parameter."""

Result: TypeAlias = Mapping[str, Any]
"""What a step returns for the steps after it and for the record of the run: values that JSON has."""

Body: TypeAlias = "Callable[[Context], Result | None]"


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one check of a dataset.

    Attributes:
        severe: whether a check that did not pass has found an error. Otherwise it is a warning, or not known.
    """

    dataset: str
    name: str
    passed: bool
    details: Mapping[str, Value]
    severe: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """A dataset that a step has written."""

    dataset: str
    details: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Observation:
    """A dataset that a step has looked at.

    Attributes:
        version: a text that changes with its data; empty if unknown.
    """

    dataset: str
    version: str
    details: Mapping[str, Value]


class Context:
    """Facts of the run for a step, and notes of the step for the record of the run.

    Attributes:
        environment: name of the environment.
        parameters: name -> value, of the type that config.yaml declares.
        results: name of each step in `after` -> its result.
        changes: datasets that the step has written.
        observations: datasets that the step has looked at.
        checks: results of checks.
    """

    def __init__(self, environment: str, parameters: Mapping[str, Value], results: Mapping[str, Result]) -> None:
        self.environment = environment
        self.parameters = parameters
        self.results = results
        self.changes: list[Change] = []
        self.observations: list[Observation] = []
        self.checks: list[Check] = []

    def settings(self, *uses: str) -> Settings:
        """The settings of the environment.

        Args:
            uses: what the step connects to: names of sinks, and `log`; other servers may be down.

        Raises:
            StackNotRunning, InfraError: as `environments.connect`.
        """
        from shoplake.environments import connect

        return connect(self.environment, uses)

    def say(self, text: str) -> None:
        """Report progress in one line."""
        to_stderr(text)

    def changed(self, dataset: str, **details: Value) -> None:
        """Note that the step has written a dataset, named as on the map: `gold.fct_orders`."""
        self.changes.append(Change(dataset, details))

    def observed(self, dataset: str, version: str = "", **details: Value) -> None:
        """Note that the step has looked at a dataset. With the version of its data Dagster sees what has changed."""
        self.observations.append(Observation(dataset, version, details))

    def checked(self, dataset: str, name: str, passed: bool, **details: Value) -> None:
        """Note the result of a check of a dataset."""
        self.checks.append(Check(dataset, name, passed, details))


@dataclass(frozen=True, slots=True)
class Step:
    """A function of a workflow.

    Attributes:
        body: the function.
        after: the steps that have to succeed before it.
    """

    body: Body
    after: tuple[Step, ...] = ()

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.body.__name__

    @property
    def description(self) -> str:
        """First line of the function's docstring."""
        return (self.body.__doc__ or "").strip().partition("\n")[0]


def step(*, after: Step | tuple[Step, ...] = ()) -> Callable[[Body], Step]:
    """Make a function a step of the workflow whose `workflow.py` it is in.

    Args:
        after: steps that have to succeed before it; it gets their results. They are functions above it in the file, so
            that there is no cycle.

    Raises:
        TypeError: `after` has something that is not a step.
    """
    before = after if isinstance(after, tuple) else (after,)
    for one in before:
        if not isinstance(one, Step):
            raise TypeError(f"after: expected functions with @step, found {one!r}")

    def decorate(body: Body) -> Step:
        return Step(body, before)

    return decorate
