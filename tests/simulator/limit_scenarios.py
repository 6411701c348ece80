"""Scenarios at the limits of what the JSON Schema lets them say, small enough to be simulated in a moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

import shopsim
from shopsim.scenario.json_schema import json_schema

SMALL = {
    "lanes": (1, 4),
    "window_hours": (6, 240),
    "customers.initial": (1, 80),
    "customers.signups_per_day": (0, 10),
    "catalogue.products": (1, 40),
    "catalogue.launches_per_day": (0, 20),
    "sessions.per_customer_per_day": (0, 1),
    "sessions.anonymous_share": (0, 0.6),
}
"""Narrower limits of what decides how many events there are."""

AT_HOME = {
    "lanes": 2,
    "window_hours": 96,
    "customers.initial": 80,
    "customers.signups_per_day": 5,
    "catalogue.products": 40,
}
"""What is small in all of them, unless drawn."""


@st.composite
def scenarios_at_the_edge(draw: st.DrawFn) -> shopsim.Scenario:
    """The demo, small, with up to eight of its numbers at a limit or anywhere between."""
    definition = shopsim.load_scenario("demo").to_dict()
    knobs = dict(_numbers())
    chosen = draw(st.lists(st.sampled_from(sorted(knobs)), unique=True, max_size=8))
    for key, value in AT_HOME.items():
        _set(definition, key, value)
    for key in chosen:
        _set(definition, key, draw(_values(key, knobs[key])))
    try:
        return shopsim.scenario_from_dict(definition)
    except shopsim.ScenarioError:  # each number may be, together they may not
        assume(False)
        raise


def _values(key: str, rule: Mapping[str, Any]) -> st.SearchStrategy[float]:
    low, high = SMALL.get(key, (rule.get("minimum", rule.get("exclusiveMinimum")), rule["maximum"]))
    if rule["type"] == "integer":
        return st.sampled_from((low, high)) | st.integers(low, high)
    open_below = "exclusiveMinimum" in rule and key not in SMALL
    between = st.floats(low, high, exclude_min=open_below, allow_subnormal=False)
    return st.sampled_from((high,) if open_below else (low, high)) | between


def _numbers() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Keys of the scenario's numbers, like `funnel.cart`, with what the schema says of each."""
    schema = json_schema()
    yield from _within(schema, {"$ref": schema["$ref"]}, "")


def _within(schema: Mapping[str, Any], rule: Mapping[str, Any], at: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "$ref" in rule:
        rule = schema["$defs"][rule["$ref"].rsplit("/", 1)[1]]
    for name, inner in rule.get("properties", {}).items():
        yield from _within(schema, inner, f"{at}.{name}" if at else name)
    if rule.get("type") in ("number", "integer"):
        yield at, rule


def _set(definition: dict[str, Any], key: str, value: float) -> None:
    *sections, name = key.split(".")
    for section in sections:
        definition = definition[section]
    definition[name] = value
