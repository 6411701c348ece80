"""The JSON Schema of scenario files, for editors.

`python -m shopsim.scenario.json_schema > generators/scenarios/scenario.schema.json` renews the file.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from shoplake.contract import EVENTS, TOPICS
from shopsim.scenario.reference import descriptions
from shopsim.scenario.section_types import Section
from shopsim.scenario.sections import Scenario


def json_schema() -> dict[str, Any]:
    """What a scenario file may hold, apart from the sums and names that only `scenario_from_dict` checks.

    Keys have the descriptions of the structs' docstrings, which editors show beside them.
    """
    schema: dict[str, Any] = msgspec.json.schema(Scenario)
    known = {part.__name__: part for part in _parts(Section)}
    for name, definition in schema["$defs"].items():
        for key, text in descriptions(known[name]).items():
            definition["properties"][key] = _described(definition["properties"][key], text)
    schema["$defs"]["Faults"]["properties"]["rates"]["propertyNames"] = {"enum": ["all", *TOPICS, *EVENTS]}
    return schema


def _described(schema: dict[str, Any], text: str) -> dict[str, Any]:
    # Beside a reference, older readers of JSON Schema see nothing else.
    return {"description": text, **({"allOf": [schema]} if "$ref" in schema else schema | {"description": text})}


def _parts(part: type[Section]) -> list[type[Section]]:
    return [one for child in part.__subclasses__() for one in (child, *_parts(child))]


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
