"""Scenario files: shipped ones, and new ones to edit."""

from __future__ import annotations

import json
from pathlib import Path

import shopsim
from shoplake.errors import FileInTheWay, InvalidScenario, ShoplakeError
from shoplake.publish.run import load_scenario
from shopsim.loading.files import scenario_file
from shopsim.scenario.json_schema import json_schema
from shopsim.scenario.reference import SCHEMA_FILE, scenario_template


def text_of(name_or_path: str) -> str:
    """The file of a scenario.

    Raises:
        UsageError: there is none.
    """
    try:
        return scenario_file(name_or_path).read_text(encoding="utf-8")
    except (shopsim.ScenarioError, OSError, UnicodeDecodeError) as error:
        raise InvalidScenario(str(error), fix="`shoplake scenario list` shows the shipped scenarios") from error


def write_starter(name: str, like: str, path: Path) -> Path:
    """Write a commented scenario with the values of another one, and the JSON Schema beside it.

    Args:
        name: of the new one.
        like: name or path of a scenario to take the values of.
        path: the new file; it must not be there.

    Raises:
        UsageError: a name that cannot be, no such scenario, or a file that is there already.
        ShoplakeError: it cannot be written.
    """
    base = load_scenario(like)
    try:
        shopsim.scenario_from_dict(base.to_dict() | {"name": name})
    except shopsim.ScenarioError as error:
        raise InvalidScenario(str(error), fix="choose a name such as my-shop") from error
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(scenario_template(base, name))
        schema = path.with_name(SCHEMA_FILE)
        if not schema.exists():
            schema.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
    except FileExistsError:
        raise FileInTheWay(f"{path} already exists", fix="choose another name, or another file with --out") from None
    except OSError as error:
        raise ShoplakeError(
            f"cannot write {path}: {error}", fix="choose a file that you can write to with --out"
        ) from error
    return path
