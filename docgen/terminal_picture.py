"""A picture of a terminal: runs a command in one of 80 columns, and draws what it printed as SVG.

`python -m docgen.terminal_picture docs/pictures/demo.svg --without "Where the time went" -- ./shoplake demo`

The picture follows the reader's colour scheme, light or dark. Progress, which goes to stderr, is not in it. A section
(lines up to an empty one) that is left out leaves a line of dots.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from rich.color import ColorType
from rich.style import Style
from rich.text import Text

COLUMNS, ROWS = 80, 50
LEFT_OUT = "\x1b[2m⋮\x1b[0m"
CHAR_PX, LINE_PX, PADDING_PX, BAR_PX = 8.4, 18, 16, 28
# The eight colours of a terminal on a light and on a dark ground, each with a contrast of 4.5 or more.
LIGHT = ("#24292f", "#b3261e", "#116329", "#7d4e00", "#0550ae", "#8250df", "#0b6370", "#57606a")
DARK = ("#8b949e", "#ff7b72", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#76e3ea", "#e6edf3")
STYLE = """
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #24292f }
text { white-space: pre }
.ground { fill: #ffffff; stroke: #d0d7de } .bar { fill: #eaeef2 } .title { fill: #57606a; font-size: 12px }
.bold { font-weight: 700 } .dim { opacity: .7 }
"""
STYLE_DARK = (
    "text { fill: #e6edf3 } .ground { fill: #0d1117; stroke: #30363d } .bar { fill: #161b22 } .title { fill: #8b949e }"
)


def run(command: Sequence[str]) -> str:
    """What a command prints to a terminal of 80 columns.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with subprocess.Popen(command, stdout=theirs, env={**environment, "TERM": "xterm", "COLUMNS": str(COLUMNS)}) as run:
        os.close(theirs)
        parts = list(_read(ours))
    os.close(ours)
    if run.returncode:
        raise subprocess.CalledProcessError(run.returncode, command)
    return b"".join(parts).decode("utf-8")


def without(printed: str, headings: Sequence[str]) -> str:
    """The sections, without those whose first line has one of these headings in it."""
    kept: list[str] = []
    for section in printed.replace("\r\n", "\n").strip().split("\n\n"):
        if not any(heading in Text.from_ansi(section.partition("\n")[0]).plain for heading in headings):
            kept.append(section)
        elif kept[-1:] != [LEFT_OUT]:
            kept.append(LEFT_OUT)
    return "\n\n".join(kept)


def picture(printed: str, title: str) -> str:
    """The lines as SVG.

    Args:
        printed: lines with the colours of a terminal (ANSI).
        title: what stands in the bar of the window: the command.
    """
    lines = [Text.from_ansi(line) for line in printed.splitlines()]
    width = 2 * PADDING_PX + COLUMNS * CHAR_PX
    height = BAR_PX + 2 * PADDING_PX + len(lines) * LINE_PX
    colours = "\n".join(f".c{at} {{ fill: {colour} }}" for at, colour in enumerate(LIGHT))
    dark = "\n".join(f".c{at} {{ fill: {colour} }}" for at, colour in enumerate(DARK))
    rows = [
        f'<text x="{PADDING_PX}" y="{BAR_PX + PADDING_PX + (at + 1) * LINE_PX - 5}" xml:space="preserve">'
        f"{''.join(_spans(line))}</text>"
        for at, line in enumerate(lines)
        if line.plain.strip()
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}{colours}\n@media (prefers-color-scheme: dark) {{ {STYLE_DARK}\n{dark} }}</style>",
            f'<rect class="ground" x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="8"/>',
            f'<path class="bar" d="M1 {BAR_PX}V9a8 8 0 0 1 8-8H{width - 9:g}a8 8 0 0 1 8 8V{BAR_PX}z"/>',
            f'<text class="title" x="{PADDING_PX}" y="{BAR_PX - 9}">$ {escape(title)}</text>',
            *rows,
            "</svg>",
            "",
        ]
    )


def _spans(line: Text) -> Iterator[str]:
    """Runs of characters of one style, each at its column: no font is as wide as the next."""
    column = 0
    text = line.plain.rstrip()
    styles = [Style() for _ in text]
    for span in line.spans:
        for at in range(span.start, min(span.end, len(text))):
            styles[at] += span.style if isinstance(span.style, Style) else Style.parse(span.style)
    while column < len(text):
        end = column + 1
        while end < len(text) and styles[end] == styles[column]:
            end += 1
        part = text[column:end]
        if part.strip():
            begin = column + len(part) - len(part.lstrip())
            shown = part.strip()
            left, length = PADDING_PX + begin * CHAR_PX, len(shown) * CHAR_PX
            yield (
                f'<tspan x="{left:g}" textLength="{length:g}" lengthAdjust="spacingAndGlyphs"{_class(styles[column])}>'
                f"{escape(shown)}</tspan>"
            )
        column = end


def _class(style: Style) -> str:
    names = [*(["bold"] if style.bold else []), *(["dim"] if style.dim else [])]
    if style.color is not None and style.color.type is ColorType.STANDARD and style.color.number is not None:
        names.append(f"c{style.color.number % 8}")
    return f' class="{" ".join(names)}"' if names else ""


def _read(descriptor: int) -> Iterator[bytes]:
    try:
        while part := os.read(descriptor, 65536):
            yield part
    except OSError:  # the command has closed its end
        return


def main(arguments: Sequence[str]) -> None:
    """Run the command, and write the picture."""
    parser = argparse.ArgumentParser(prog="python -m docgen.terminal_picture", description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="the SVG file")
    parser.add_argument("--without", action="append", default=[], metavar="HEADING", help="a section to leave out")
    parser.add_argument("command", nargs="+", help="after `--`: the command")
    asked = parser.parse_args(arguments)
    made = picture(without(run(asked.command), asked.without), " ".join(asked.command))
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(made, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
