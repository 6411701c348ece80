"""What this version of the simulator makes of each shipped scenario, as digests in `golden.json`.

After a change of the output: raise `VERSION` in generators/shopsim/version.py, run this file, commit both.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from pathlib import Path

import polars as pl
import pytest

import shopsim

STORED = Path(__file__).with_name("golden.json")
SEED, LANES, EVENTS = 7, (0, 1), 4_000
MIDDLE = {"demo": 3, "black-friday": 11, "slow-startup": 4, "dirty-data": 4, "load-test": 20}
"""A window in the midst of each scenario; that of Black Friday is the day itself."""


def digests(name: str) -> dict[str, str]:
    """sha256 of the first events and of those of a middle window, of two lanes."""
    scenario = shopsim.load_scenario(name)
    return {
        "first events": _digest(scenario, 0),
        "middle window": _digest(scenario, MIDDLE[name]),
    }


def _digest(scenario: shopsim.Scenario, first: int) -> str:
    """sha256 over topic, key, value and fault of some thousand events from a window on."""
    whole, left = hashlib.sha256(), EVENTS
    for window in itertools.islice(shopsim.simulate(scenario, SEED, lanes=LANES, first=first), 10):
        rows = shopsim.encode(scenario, SEED, window).head(left)
        for column in ("topic", "key", "value", "fault"):
            values = rows[column].cast(pl.String).cast(pl.Binary) if column == "topic" else rows[column].cast(pl.Binary)
            whole.update(b"\n".join(value or b"" for value in values.to_list()))
        left -= rows.height
        if not left:
            break
    return whole.hexdigest()


@pytest.mark.parametrize("name", shopsim.scenarios())
def test_a_shipped_scenario_gives_what_this_version_is_known_to_make_of_it(name):
    """If this fails now and then, something depends on PYTHONHASHSEED (Faker keeps some of its words in sets)."""
    stored = json.loads(STORED.read_text())
    what_to_do = f"the output has changed: raise shopsim.VERSION above {stored['version']}, then run {__file__}"
    assert stored["version"] == shopsim.VERSION, f"VERSION was raised: run {__file__} and commit golden.json"
    assert digests(name) == stored["digests"][name], what_to_do


def main() -> int:
    stored = json.loads(STORED.read_text()) if STORED.exists() else {"version": 0}
    if stored["version"] == shopsim.VERSION:
        print(
            f"{STORED.name} is of version {shopsim.VERSION} already: raise VERSION in version.py first", file=sys.stderr
        )
        return 1
    found = {name: digests(name) for name in shopsim.scenarios()}
    STORED.write_text(json.dumps({"version": shopsim.VERSION, "digests": found}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
