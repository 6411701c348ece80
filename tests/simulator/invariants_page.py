"""The lists in docs/invariants.md, made from invariants.sql, violations.sql and `distributions`.

`python -m tests.simulator.invariants_page` renews them; what stands around them is written by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .counting import Check
from .distributions import CHECKS
from .shop import chapters, plants
from .undisturbed_shop import plain

PAGE = Path(__file__).parents[2] / "docs" / "invariants.md"


def renewed(page: str) -> str:
    """A page with the lists in it as they are now."""
    for name, text in (("invariants", _invariants()), ("distributions", _distributions())):
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = before + begin + text + end + after
    return page


def _invariants() -> str:
    sentences = sum(len(chapter) for chapter in chapters().values())
    parts = [f"\n{sentences} sentences, {len(plants())} changes that they notice.\n"]
    number = 0
    for chapter, found in chapters().items():
        parts.append(f"\n### {chapter}\n\n| | never found | noticed |\n|---|---|---|\n")
        for sentence in found:
            number += 1
            seen = "; ".join(plant.what for plant in plants() if sentence in plant.seen_by)
            parts.append(f"| {number} | {sentence} | {seen} |\n")
    return "".join([*parts, "\n"])


def _distributions() -> str:
    rows = [f"| {check.what} | `{check.key}` | {_wrong(check)} |\n" for check in CHECKS]
    return "".join(["\n| what is counted | asked by | noticed |\n|---|---|---|\n", *rows, "\n"])


def _wrong(check: Check) -> str:
    asked: Any = plain().to_dict()
    for key in check.key.split("."):
        asked = asked[key]
    return "; ".join(_differences(asked, check.wrong, ""))


def _differences(asked: Any, wrong: Any, at: str) -> list[str]:
    if not isinstance(wrong, dict):
        return [f"{at}{asked:g} → {wrong:g}"]
    found = []
    for entry, value in wrong.items():
        here = f"the {entry + 1}th: " if isinstance(entry, int) else f"{entry}: "
        found += _differences(asked[entry], value, at + here)
    return found


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
