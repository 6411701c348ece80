"""The JSON Schema of scenario files, for editors.

`python -m shopsim.schema > generators/scenarios/scenario.schema.json` renews the file.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from shopsim.scenario import Scenario


def json_schema() -> dict[str, Any]:
    """What a scenario file may hold, apart from the sums and names that only `scenario_from_dict` checks."""
    return msgspec.json.schema(Scenario)


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=2))
