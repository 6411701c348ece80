"""Scenario files and mappings to `Scenario`, with an error that says which key, what was expected and what is there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import yaml

from shopsim.checks import problems
from shopsim.errors import ScenarioError
from shopsim.parts import Part
from shopsim.scenario import FORMAT, Scenario

_PATH = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)


def scenarios() -> list[str]:
    """Names of the scenarios that come with the package, sorted."""
    return sorted(path.stem for path in _shipped().glob("*.yaml"))


def load_scenario(name_or_path: str) -> Scenario:
    """A shipped scenario by name (`demo`), or one from a YAML file.

    Raises:
        ScenarioError: no such scenario, not YAML, or a value that cannot be.
    """
    path = _find(name_or_path)
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(file=str(path), expected="a readable UTF-8 file", found=str(error)) from None
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
        raise ScenarioError(file=str(path), expected="valid YAML", found=found) from None
    return scenario_from_dict(document, file=str(path))


def scenario_from_dict(definition: object, *, file: str = "") -> Scenario:
    """A scenario from plain values, as `Scenario.to_dict` makes them.

    Args:
        definition: a mapping (anything else is refused).
        file: where it came from, for messages.

    Raises:
        ScenarioError: see there for what it carries.
    """
    if not isinstance(definition, Mapping):
        raise ScenarioError(file=file, expected="a mapping of keys to values", found=_shown(definition))
    if (version := definition.get("version", FORMAT)) != FORMAT:
        expected = f"{FORMAT}, the version of scenario files that this release of shopsim reads"
        raise ScenarioError(file=file, key="version", expected=expected, found=_shown(version))
    _refuse_unknown_keys(definition, Scenario, "", file)
    try:
        scenario = msgspec.convert(definition, Scenario)
    except msgspec.ValidationError as error:
        raise _explained(error, definition, file) from None
    for key, expected, found in problems(scenario):
        raise ScenarioError(file=file, key=key, expected=expected, found=found)
    return scenario


def _shipped() -> Path:
    # In an installed package the scenarios lie inside it, in a checkout beside it.
    here = Path(__file__).parent
    inside = here / "scenarios"
    return inside if inside.is_dir() else here.parent / "scenarios"


def _find(name_or_path: str) -> Path:
    if name_or_path in scenarios():
        return _shipped() / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if path.is_file():
        return path
    near = difflib.get_close_matches(name_or_path, scenarios(), n=1)
    raise ScenarioError(
        expected=f"a YAML file or one of the shipped scenarios {', '.join(scenarios())}",
        found=f"`{name_or_path}`",
        nearest=near[0] if near else "",
    )


def _refuse_unknown_keys(definition: Mapping[Any, Any], part: type[Part], at: str, file: str) -> None:
    hints = get_type_hints(part)
    for key, value in definition.items():
        where = f"{at}.{key}" if at else f"{key}"
        if key not in hints:
            near = difflib.get_close_matches(str(key), hints, n=1, cutoff=0.5)
            raise ScenarioError(
                file=file,
                key=where,
                expected=f"one of the keys {', '.join(hints)}",
                found=f"`{key}`",
                nearest=near[0] if near else "",
            )
        for inner, place, child in _parts(hints[key], value, where):
            _refuse_unknown_keys(child, inner, place, file)


def _parts(hint: Any, value: object, where: str) -> list[tuple[type[Part], str, Mapping[Any, Any]]]:  # noqa: ANN401
    if isinstance(hint, type) and issubclass(hint, Part):
        return [(hint, where, value)] if isinstance(value, Mapping) else []
    inner = next((a for a in get_args(hint) if isinstance(a, type) and issubclass(a, Part)), None)
    if inner is None or not isinstance(value, list | tuple):
        return []
    return [(inner, f"{where}[{i}]", item) for i, item in enumerate(value) if isinstance(item, Mapping)]


def _explained(error: msgspec.ValidationError, definition: Mapping[Any, Any], file: str) -> ScenarioError:
    match = _PATH.match(str(error))
    what, path = (match["what"], match["path"] or "$") if match else (str(error), "$")
    key = path.removeprefix("$").removeprefix(".")
    missing = re.match(r"Object missing required field `(.*)`", what)
    if missing:
        where = f"{key}.{missing[1]}" if key else missing[1]
        return ScenarioError(file=file, key=where, expected="a value", found="nothing")
    expected = what.removeprefix("Expected ").split(", got ")[0]
    return ScenarioError(file=file, key=key, expected=expected, found=_shown(_value_at(definition, key)))


def _value_at(definition: Any, key: str) -> Any:  # noqa: ANN401 - any YAML value
    for step in re.findall(r"[^.\[\]]+", key):
        if isinstance(definition, Mapping):
            definition = definition.get(step, definition)
        elif isinstance(definition, list | tuple) and step.isdigit():
            definition = definition[int(step)]
    return definition


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
