"""A picture of the report on a simulated shop: simulates one, and puts four of the report's charts into one SVG.

`python -m docgen.report_picture docs/pictures/report.svg`

The picture follows the reader's colour scheme, light or dark, as the report does.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from html import escape, unescape
from importlib import resources
from pathlib import Path

from shoplake import report
from shopsim import load_scenario

EVENTS, SEED = 200_000, 7
WIDTH, GAP, PAD, HEADING = 1000, 16, 14, 26
CARD = (WIDTH - GAP) // 2
COLOURS = re.compile(r":root \{.*?\n\}", re.DOTALL)
SECTION = re.compile(r"<section[^>]*>\n<h2>(.*?)</h2>\n<figure>(<svg.*?</svg>)</figure>", re.DOTALL)
VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
STYLE = """
svg { font-family: system-ui, "DejaVu Sans", sans-serif } .card { fill: var(--card); stroke: var(--grid) }
.ground { fill: var(--ground) } .heading { fill: var(--ink); font-size: 13px; font-weight: 600 }
"""


def picture(page: str, at: Sequence[int]) -> str:
    """Charts of a report as one SVG: the first over the whole width, the others in two columns.

    Args:
        page: the report's HTML.
        at: which of its panels.
    """
    panels = [SECTION.findall(page)[index] for index in at]
    parts, x, y, row = [], 0, 0, 0.0
    for index, (title, chart) in enumerate(panels):
        width = WIDTH if index == 0 else CARD
        card, height = _card(unescape(title), chart, x, y, width)
        parts.append(card)
        row = max(row, height)
        x = 0 if index % 2 == 0 else CARD + GAP
        if x == 0:
            y, row = y + round(row) + GAP, 0
    height = y + round(row) - (GAP if not row else 0)
    light, dark = COLOURS.findall(resources.files("shoplake.report").joinpath("page.css").read_text("utf-8"))[0], ""
    css = resources.files("shoplake.report").joinpath("page.css").read_text("utf-8")
    if found := re.search(r"@media \(prefers-color-scheme: dark\) \{.*?\n\}", css, re.DOTALL):
        dark = found[0]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-16 -16 {WIDTH + 32} {height + 32}" role="img">',
            f"<title>The report on a simulated shop</title><style>{light}\n{dark}\n{STYLE}</style>",
            f'<rect class="ground" x="-16" y="-16" width="{WIDTH + 32}" height="{height + 32}" rx="8"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _card(title: str, chart: str, x: int, y: int, width: int) -> tuple[str, float]:
    """A panel at a place, and its height."""
    match = VIEW_BOX.search(chart)
    if match is None:
        raise ValueError(f"the chart '{title}' has no view box")
    inner = width - 2 * PAD
    tall = inner * float(match[2]) / float(match[1])
    height = tall + HEADING + 2 * PAD
    placed = chart.replace("<svg", f'<svg x="{PAD}" y="{HEADING + PAD}" width="{inner}" height="{tall:.1f}"', 1)
    return (
        f'<g transform="translate({x} {y})"><rect class="card" width="{width}" height="{height:.1f}" rx="8"/>'
        f'<text class="heading" x="{PAD}" y="{PAD + 13}">{escape(title)}</text>{placed}</g>',
        height,
    )


def main(arguments: Sequence[str]) -> None:
    """Simulate, report, and write the picture."""
    parser = argparse.ArgumentParser(prog="python -m docgen.report_picture", description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="the SVG file")
    parser.add_argument("--panels", default="0,1,2", help="which panels of the report, from 0 on")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        report.write(load_scenario("demo"), SEED, EVENTS, page)
        text = page.read_text(encoding="utf-8")
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(picture(text, [int(index) for index in asked.panels.split(",")]), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
