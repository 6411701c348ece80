"""The prose check flags what a reader stumbles over and passes the plain alternative."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from types import ModuleType

import pytest

from shoplake.paths import project_root

PAIRS = [
    (
        "An event that is none becomes one dead letter.",
        "A record that is not a valid event becomes exactly one dead letter.",
    ),
    ("Records read whose events, as far as they are any, are in the store.", "Records processed."),
    (
        "How long failures in a row are borne: pauses that grow, with jitter, until a limit.",
        "Exponential backoff with jitter and a deadline.",
    ),
    (
        "What was read and holds no event: markers of transactions, dead letters.",
        "Control records and rejected records at the end of a batch.",
    ),
    (
        "Somebody else empties and fills the store; it is left to him.",
        "Another process is rebuilding the store; this sink waits.",
    ),
    (
        "Exit 1 where it cannot follow it: nothing has reached a store then.",
        "Exits 1 if the schema is not backward compatible. Nothing was written.",
    ),
    ("so that none of them is ended for a peak", "so that a short peak does not get a container killed"),
    ("`healthy`: every part has reported of late.", "`healthy`: every part has reported recently."),
    ("Given by nobody is the name of the group.", "The name of the group is optional."),
    (
        "A store counts its fillings; items carry the number; those of an earlier one count as not there.",
        "Each rebuild has a number. Every item stores it as `generation`.",
    ),
    (f"The batch holds {'one more record and ' * 10}a marker.", "The batch holds ten records and a marker."),
]


@pytest.fixture(scope="module")
def prose() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prose", project_root() / ".ci" / "prose.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["prose"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def config() -> dict[str, object]:
    return tomllib.loads((project_root() / ".ci" / "prose.toml").read_text())


@pytest.mark.parametrize(("riddle", "plain"), PAIRS)
def test_a_riddle_is_flagged_and_its_plain_alternative_is_not(
    prose: ModuleType, config: dict[str, object], riddle: str, plain: str
) -> None:
    rules = prose.Rules(config)
    assert list(rules.check(prose.Text(1, riddle)))
    assert not list(rules.check(prose.Text(1, plain)))


def test_code_and_headings_of_a_page_are_not_sentences(prose: ModuleType, config: dict[str, object]) -> None:
    page = "# What stops an apply\n\n```\nnobody mends anything anew\n```\n\nText.\n\n| a |\n|---|\n| somebody |\n"
    found = [finding for text in prose.of_page(page) for finding in prose.Rules(config).check(text)]
    assert [(finding.line, finding.sentence) for finding in found] == [(11, "somebody")]


def test_docstrings_help_texts_and_advice_are_read(prose: ModuleType, config: dict[str, object]) -> None:
    source = (
        '"""Somebody\'s."""\n'
        "def command(x=Option(help='Mend it.')):\n"
        '    """Do it.\n\n    Args:\n        x: deaf to signals.\n    """\n'
        "    advice = 'Begin anew.'\n"
        "    hidden = 'nobody reads this'\n"
    )
    found = [finding for text in prose.of_source(source) for finding in prose.Rules(config).check(text)]
    assert {finding.sentence for finding in found} == {"Somebody's.", "deaf to signals.", "Begin anew."} | {"Mend it."}


def test_every_bound_is_of_a_file_that_is_there(config: dict[str, object]) -> None:
    bounds = config["bounds"]
    assert isinstance(bounds, dict)
    assert not [name for name in bounds if not (project_root() / name).is_file()]
