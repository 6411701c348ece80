"""What is said of scenarios is read off the structs, complete, and current in the docs."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest
import yaml

import shopsim
from shoplake.contract import EVENTS
from shopsim.scenario import reference
from shopsim.scenario.fault_sections import Faults, Rates
from shopsim.scenario.reference import BEGIN, END, descriptions, markdown, renewed, scenario_template, summary
from shopsim.scenario.sections import Funnel, Scenario, Section

PAGE = Path(__file__).parents[3] / "docs" / "simulator.md"


def parts(part: type[Section] = Section) -> list[type[Section]]:
    own = [child for child in part.__subclasses__() if child.__module__.startswith("shopsim.")]
    return [one for child in own for one in (child, *parts(child))]


@pytest.mark.parametrize("part", parts())
def test_a_docstring_describes_only_keys_that_there_are(part):
    assert set(descriptions(part)) <= set(part.__struct_fields__)
    assert summary(part)


def test_descriptions_are_those_of_the_docstring():
    assert descriptions(Funnel)["checkout"] == "share of carts that reach the checkout."
    assert set(descriptions(Rates)) == set(Rates.__struct_fields__)
    assert summary(Faults) == "Faults that the simulator injects on purpose, between the shop and the log."


def test_the_reference_has_every_key_of_every_section():
    text = markdown()
    for part in parts():
        assert all(f"\n| `{name}` |" in text for name in part.__struct_fields__), part
    assert "| `search` | number, ≥ 0, ≤ 1 | required | share of steps" in text


def test_every_key_has_an_explanation_of_its_own():
    """What a type says of itself ("a share") says nothing of the key that has it."""
    for part in parts():
        own = descriptions(part)
        for field in msgspec.structs.fields(part):
            hint = get_type_hints(part, include_extras=True)[field.name]
            section = isinstance(hint, type) and issubclass(hint, Section)
            named = hint not in reference._GENERAL and reference._fallback(hint)
            assert own.get(field.name) or section or named, f"{part.__name__}.{field.name}"
        assert len(set(own.values())) == len(own), f"two keys of {part.__name__} share an explanation"


def test_every_key_of_a_new_file_is_explained_where_it_stands_first():
    lines = scenario_template(shopsim.load_scenario("demo"), "mine").splitlines()
    first: dict[str, str] = {}
    for before, line in pairwise(lines):
        key = re.match(r"( *)([a-z_]+):(?! *\{name)", line)
        if key and not line.lstrip().startswith("- "):
            first.setdefault(key[2], before if before.lstrip().startswith("#") else line)
    segments = {"regular", "loyal", "premium"}  # as `bargain`, which is the first
    events = set(EVENTS)
    bare = [key for key, said in first.items() if "#" not in said and key not in segments | events]
    assert not bare


def test_the_page_in_the_docs_is_current():
    """`python -m shopsim.scenario.reference docs/simulator.md` renews it."""
    page = PAGE.read_text()
    assert page.count(BEGIN) == page.count(END) == 1
    assert renewed(page) == page


@pytest.mark.parametrize("name", shopsim.scenarios())
def test_a_starter_says_what_the_scenario_says_and_explains_it(name):
    scenario = shopsim.load_scenario(name)
    text = scenario_template(scenario, "mine")
    again = shopsim.scenario_from_dict(yaml.safe_load(text))
    assert msgspec.structs.replace(again, name=name, description=scenario.description) == scenario
    assert set(yaml.safe_load(text)) == {
        field for field in Scenario.__struct_fields__ if getattr(scenario, field) is not None
    }
    assert "share of carts that reach the checkout." in text
    assert all(len(line) <= 120 for line in text.splitlines() if line.lstrip().startswith("#"))
