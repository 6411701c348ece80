"""The pictures of the README: drawn from what a command printed, readable in light and in dark."""

from __future__ import annotations

import sys
from xml.etree import ElementTree

import pytest

from docgen import report_picture, terminal_picture
from shoplake import paths

SVG = "{http://www.w3.org/2000/svg}"
PRINT = r"""
import os
print('\x1b[1mstores\x1b[0m\n\nlog  \x1b[32mexact\x1b[0m', os.get_terminal_size().columns)
"""


def test_a_command_sees_a_terminal_of_80_columns_and_its_colours_are_drawn() -> None:
    printed = terminal_picture.run([sys.executable, "-c", PRINT])
    spans = {span.text: span.get("class") for span in ElementTree.fromstring(_picture(printed)).iter(f"{SVG}tspan")}
    assert spans == {"stores": "bold", "log": None, "exact": "c2", "80": None}


def test_a_section_that_is_left_out_leaves_a_line_of_dots() -> None:
    printed = "\r\n".join(["stores", "a", "", "times", "b", "", "more", "c", "", "end"])
    kept = terminal_picture.without(printed, ["times", "more"])
    assert kept.split("\n\n") == ["stores\na", terminal_picture.LEFT_OUT, "end"]


def test_a_command_that_fails_makes_no_picture() -> None:
    with pytest.raises(terminal_picture.subprocess.CalledProcessError):
        terminal_picture.run([sys.executable, "-c", "raise SystemExit(3)"])


def test_every_colour_of_the_terminal_can_be_read_on_its_ground() -> None:
    grounds = {"#ffffff": terminal_picture.LIGHT[1:], "#0d1117": terminal_picture.DARK[1:]}
    poor = [one for ground, colours in grounds.items() for one in colours if _contrast(one, ground) < 4.5]
    assert not poor


def test_charts_are_laid_in_two_columns_below_the_first() -> None:
    chart = '<svg viewBox="0 0 200 100"><path/></svg>'
    page = "".join(f"<section>\n<h2>{title}</h2>\n<figure>{chart}</figure>" for title in ("a &amp; b", "c", "d"))
    drawn = ElementTree.fromstring(
        report_picture.picture(page.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" '), [0, 1, 2])
    )
    assert [text.text for text in drawn.iter(f"{SVG}text")] == ["a & b", "c", "d"]
    places = [group.get("transform") for group in drawn.iter(f"{SVG}g")]
    first, second, third = places
    assert first == "translate(0 0)"
    assert second.split()[1] == third.split()[1] != "0)"


@pytest.mark.parametrize("name", ["demo", "report"])
def test_the_pictures_that_are_kept_follow_the_readers_colours(name: str) -> None:
    text = (paths.project_root() / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).tag == f"{SVG}svg"
    assert "prefers-color-scheme: dark" in text


def _picture(printed: str) -> str:
    return terminal_picture.picture(terminal_picture.without(printed, []), "a command")


def _contrast(one: str, other: str) -> float:
    """WCAG's ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
