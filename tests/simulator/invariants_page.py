"""The list in docs/invariants.md, made from invariants.sql and plants.sql.

`python -m tests.simulator.invariants_page` renews it; what stands before and after the list is written by hand.
"""

from __future__ import annotations

from pathlib import Path

from .shop import chapters, plants

PAGE = Path(__file__).parents[2] / "docs" / "invariants.md"
_BEGIN, _END = "<!-- the list: begin -->\n", "<!-- the list: end -->\n"


def renewed(page: str) -> str:
    """A page with the list in it as it is now."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return before + _BEGIN + _list() + _END + after


def _list() -> str:
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


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
