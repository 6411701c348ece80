"""Load scenarios from files and mappings. An error has the position, what was expected and what was found."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec

from shopsim import error_wording
from shopsim.errors import ScenarioError
from shopsim.loading.semantic_checks import problems
from shopsim.scenario.sections import FORMAT, Scenario
from shopsim.scenario.type_checks import nearest, type_errors
from shopsim.scenario.yaml_positions import Document, read

_SUFFIXES = (".yaml", ".yml")


def scenarios() -> list[str]:
    """Names of the scenarios in the package, sorted."""
    return sorted(path.stem for path in shipped().glob("*.yaml"))


def shipped() -> Path:
    """The folder of the package's scenarios and their JSON Schema."""
    # An installed package contains the scenarios; in a checkout they are beside it.
    here = Path(__file__).parents[1]
    inside = here / "scenarios"
    return inside if inside.is_dir() else here.parent / "scenarios"


def load_scenario(name_or_path: str) -> Scenario:
    """Load a scenario of the package by name (`demo`), or a YAML file.

    Raises:
        ScenarioError: no such scenario, not YAML, or an invalid value.
    """
    return _scenario(_document(name_or_path))


def check_scenario(name_or_path: str) -> list[ScenarioError]:
    """All errors of a scenario, in the order of its file; empty for a valid scenario."""
    try:
        return _errors(_document(name_or_path))
    except ScenarioError as error:
        return [error]


def scenario_from_dict(definition: object, *, file: str = "") -> Scenario:
    """Create a scenario from plain values, as `Scenario.to_dict` returns them.

    Args:
        definition: a mapping.
        file: its source, for error messages.

    Raises:
        ScenarioError: the definition is not a mapping, or has an invalid value.
    """
    return _scenario(Document(definition, file))


def starting(scenario: Scenario, start: dt.date) -> Scenario:
    """The same scenario with another start date. All its dates move by the same number of days.

    Raises:
        ScenarioError: a date before 1990-01-02 or after 2099-01-01.
    """
    try:
        moved = start - scenario.start
        replace = msgspec.structs.replace
        campaigns = [replace(c, first=c.first + moved, last=c.last + moved) for c in scenario.campaigns]
        sales = [replace(sale, start=sale.start + moved) for sale in scenario.flash_sales]
        return scenario_from_dict(
            replace(scenario, start=start, campaigns=tuple(campaigns), flash_sales=tuple(sales)).to_dict()
        )
    except OverflowError:
        raise ScenarioError(key="start", expected="a date from 1990-01-02 to 2099-01-01", found=f"{start}") from None


def scenario_file(name_or_path: str) -> Path:
    """The path of a scenario, by its name in the package or by its path.

    Raises:
        ScenarioError: no such file.
    """
    if name_or_path in scenarios():
        return shipped() / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.is_dir():
        raise ScenarioError(file=name_or_path, expected="a YAML file", found="a folder")
    if path.suffix in _SUFFIXES or path.parent != Path():
        beside = [str(file) for suffix in _SUFFIXES for file in path.parent.glob(f"*{suffix}")]
        raise ScenarioError(
            file=name_or_path, expected="a file", found="none of this name", nearest=nearest(str(path), beside)
        )
    raise ScenarioError(
        expected=f"a YAML file or one of the shipped scenarios {', '.join(scenarios())}",
        found=f"`{name_or_path}`",
        nearest=nearest(name_or_path, scenarios()),
    )


def _document(name_or_path: str) -> Document:
    path = scenario_file(name_or_path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(file=str(path), expected="a readable UTF-8 file", found=str(error)) from None
    return read(text, str(path))


def _scenario(document: Document) -> Scenario:
    if errors := _errors(document):
        raise errors[0]
    return msgspec.convert(document.values, Scenario)


def _errors(document: Document) -> list[ScenarioError]:
    values = document.values
    stated = values.get("version", FORMAT) if isinstance(values, dict) else FORMAT
    if stated != FORMAT:  # the rules for the rest of it are unknown
        expected = f"{FORMAT}, the version of scenario files that this release reads"
        return [document.error("version", expected, error_wording.found(stated))]
    if errors := list(type_errors(document, Scenario)):
        return errors
    scenario = msgspec.convert(values, Scenario)
    wrong = problems(scenario)
    found = [document.error(p.key, p.expected, p.found, nearest=p.nearest, at_key=bool(p.nearest)) for p in wrong]
    return sorted(found, key=lambda error: error.line or 0)
