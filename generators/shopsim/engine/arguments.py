"""Checks of the arguments of the public functions, with messages that say what was expected."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from numbers import Integral

from shoplake.contract import EVENTS, TOPICS
from shopsim.scenario.sections import Scenario
from shopsim.scenario.type_checks import nearest


class UnknownEvent(KeyError):
    """An event type that the contract does not have."""

    def __init__(self, name: object) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        return _unknown("an event type", self.name, EVENTS)


def check_arguments(scenario: object, seed: object, topics: Collection[str]) -> None:
    """Check the arguments that all simulating functions share.

    Raises:
        TypeError: the scenario is not a `Scenario`, the seed is not a whole number, or the topics are one string.
        ValueError: a topic that the contract does not have.
    """
    if not isinstance(scenario, Scenario):
        load = f"; load it: shopsim.load_scenario({scenario!r})" if isinstance(scenario, str) else ""
        if isinstance(scenario, dict):
            load = "; make one: shopsim.scenario_from_dict(...)"
        raise TypeError(f"scenario: expected a shopsim.Scenario, found {_short(scenario)}{load}")
    if not isinstance(seed, Integral) or isinstance(seed, bool):
        raise TypeError(f"seed: expected a whole number, found {_short(seed)}")
    if isinstance(topics, str):
        raise TypeError(f"topics: expected several, such as [{topics!r}], found the text {topics!r}")
    for topic in topics:
        if topic not in TOPICS:
            raise ValueError(f"topics: {_unknown('a topic', topic, TOPICS)}")


def check_minimum(name: str, value: object, least: int) -> None:
    """Raise TypeError if a count is not a whole number, ValueError if it is too small; None means no limit."""
    if value is None:
        return
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name}: expected a whole number, found {_short(value)}")
    if int(value) < least:
        raise ValueError(f"{name}: expected {least} or more, found {value}")


def _unknown(what: str, name: object, known: Iterable[str]) -> str:
    close = nearest(name, known) if isinstance(name, str) else ""
    hint = f" (did you mean '{close}'?)" if close else f"; there are {', '.join(known)}"
    return f"expected {what} of the contract, found {_short(name)}{hint}"


def _short(value: object) -> str:
    text = repr(value)
    return f"{text if len(text) <= 60 else text[:59] + '…'} ({type(value).__name__})"
