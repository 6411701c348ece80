"""The JSON Schema of scenario files, for editors.

`python -m shopsim.scenario.json_schema > generators/scenarios/scenario.schema.json` updates the file.
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
    """The JSON Schema of a scenario file, without the checks of sums and names, which only `scenario_from_dict` does.

    Descriptions of keys come from the docstrings of the structs. Editors show them.
    """
    schema: dict[str, Any] = msgspec.json.schema(Scenario)
    known = {part.__name__: part for part in _parts(Section)}
    for name, definition in schema["$defs"].items():
        for key, text in descriptions(known[name]).items():
            definition["properties"][key] = _described(definition["properties"][key], text)
    schema["$defs"]["Faults"]["properties"]["rates"]["propertyNames"] = {"enum": ["all", *TOPICS, *EVENTS]}
    return schema


def _described(schema: dict[str, Any], text: str) -> dict[str, Any]:
    # Older readers of JSON Schema ignore keywords beside a `$ref`.
    return {"description": text, **({"allOf": [schema]} if "$ref" in schema else schema | {"description": text})}


def _parts(part: type[Section]) -> list[type[Section]]:
    return [one for child in part.__subclasses__() for one in (child, *_parts(child))]


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
