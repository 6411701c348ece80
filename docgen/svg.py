"""Boxes in rows with arrows between them, as SVG: enough for the diagrams of this documentation, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

CHARACTER = 7.4  # width of a character at the size of the text, in pixels
LINE = 18
PAD = 12
GAP_X = 28
GAP_Y = 56
STYLE = (
    "text{font:13px ui-sans-serif,system-ui,'Segoe UI',Roboto,sans-serif;fill:#1b2733}"
    ".t{font-weight:600}.s{fill:#52606d}.b{fill:#eef4fb;stroke:#5b86b8}.r{fill:#fff;stroke:none}"
    ".e{fill:none;stroke:#8a9aab;stroke-width:1.3}"
)


@dataclass(frozen=True, slots=True)
class Box:
    """A box: a title and lines below it."""

    title: str
    lines: tuple[str, ...] = ()

    @property
    def width(self) -> float:
        """Pixels; a title is bold, and so wider."""
        longest = max((len(line) for line in self.lines), default=0)
        return max(len(self.title) * 1.1, longest) * CHARACTER + 2 * PAD

    @property
    def height(self) -> float:
        """Pixels."""
        return (1 + len(self.lines)) * LINE + PAD + 4


Placed = dict[str, tuple[float, float, Box]]


def svg(rows: Sequence[Sequence[Box]], edges: Sequence[tuple[str, str]], title: str) -> str:
    """The drawing: boxes row by row, an arrow per `(from, to)` of titles."""
    wide = max(_row_width(row) for row in rows)
    placed: Placed = {}
    y = float(PAD)
    for row in rows:
        x = PAD + (wide - _row_width(row)) / 2
        tall = max(box.height for box in row)
        for box in row:
            placed[box.title] = (x, y + (tall - box.height) / 2, box)
            x += box.width + GAP_X
        y += tall + GAP_Y
    width, height = wide + 2 * PAD, y - GAP_Y + PAD
    parts = [_edge(placed, one, other) for one, other in edges if one in placed and other in placed]
    parts += [_box(*where) for where in placed.values()]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
            f'height="{height:.0f}" role="img" aria-label="{escape(title)}">',
            f"<title>{escape(title)}</title><style>{STYLE}</style>",
            '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0 8 4 0 8z" fill="#8a9aab"/></marker></defs>',
            f'<rect class="r" width="{width:.0f}" height="{height:.0f}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def layers(needs: Mapping[str, Sequence[str]], most: int = 6) -> list[list[str]]:
    """Names in rows, each below all that it needs; a row of more than `most` is broken.

    Raises:
        ValueError: the needs go in a circle.
    """
    depth: dict[str, int] = {}

    def of(name: str, above: tuple[str, ...] = ()) -> int:
        if name in above:
            raise ValueError(f"these need each other: {', '.join(above)}")
        if name not in depth:
            depth[name] = max(
                (of(each, (*above, name)) + 1 for each in needs.get(name, ()) if each in needs), default=0
            )
        return depth[name]

    for name in needs:
        of(name)
    rows = [[name for name in needs if depth[name] == level] for level in range(max(depth.values()) + 1)]
    return [row[start : start + most] for row in rows for start in range(0, len(row), most)]


def reduced(needs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Needs less those that are needed by way of another need: what is drawn through it says as much."""

    def below(name: str) -> set[str]:
        return {far for near in needs.get(name, ()) for far in {near, *below(near)}}

    through = {name: {far for near in given for far in below(near)} for name, given in needs.items()}
    return {name: [need for need in given if need not in through[name]] for name, given in needs.items()}


def _row_width(row: Sequence[Box]) -> float:
    return sum(box.width for box in row) + GAP_X * (len(row) - 1)


def _box(x: float, y: float, box: Box) -> str:
    centre = x + box.width / 2
    lines = [f'<rect class="b" x="{x:.0f}" y="{y:.0f}" width="{box.width:.0f}" height="{box.height:.0f}" rx="5"/>']
    anchor = f'x="{centre:.0f}" text-anchor="middle"'
    lines.append(f'<text class="t" {anchor} y="{y + LINE + 3:.0f}">{escape(box.title)}</text>')
    for number, line in enumerate(box.lines, 2):
        lines.append(f'<text class="s" x="{x + PAD:.0f}" y="{y + number * LINE + 3:.0f}">{escape(line)}</text>')
    return "\n".join(lines)


def _edge(placed: Placed, one: str, other: str) -> str:
    (x1, y1, from_box), (x2, y2, to_box) = placed[one], placed[other]
    if abs(y1 - y2) < min(from_box.height, to_box.height):  # beside each other
        left_first = x1 < x2
        sx, tx = (x1 + from_box.width, x2) if left_first else (x1, x2 + to_box.width)
        sy, ty = y1 + from_box.height / 2, y2 + to_box.height / 2
        middle = (sx + tx) / 2
        return _path(f"M{sx:.0f} {sy:.0f}C{middle:.0f} {sy:.0f} {middle:.0f} {ty:.0f} {tx:.0f} {ty:.0f}")
    down = y1 < y2
    sx, sy = x1 + from_box.width / 2, y1 + from_box.height if down else y1
    tx, ty = x2 + to_box.width / 2, y2 if down else y2 + to_box.height
    bend = (ty - sy) / 2
    return _path(f"M{sx:.0f} {sy:.0f}C{sx:.0f} {sy + bend:.0f} {tx:.0f} {ty - bend:.0f} {tx:.0f} {ty:.0f}")


def _path(d: str) -> str:
    return f'<path class="e" marker-end="url(#a)" d="{d}"/>'
