from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from docgen import diagrams, hcl, svg, terraform
from docgen.svg import Box

SVG = "{http://www.w3.org/2000/svg}"


def test_what_needs_another_stands_in_a_lower_row() -> None:
    assert svg.layers({"b": ["a"], "a": [], "c": ["a", "b"]}) == [["a"], ["b"], ["c"]]


def test_a_long_row_is_broken() -> None:
    assert svg.layers({name: [] for name in "abcde"}, most=2) == [["a", "b"], ["c", "d"], ["e"]]


def test_a_circle_is_refused() -> None:
    with pytest.raises(ValueError, match="need each other: a, b"):
        svg.layers({"a": ["b"], "b": ["a"]})


def test_an_arrow_that_another_way_implies_is_left_out() -> None:
    assert svg.reduced({"a": [], "b": ["a"], "c": ["a", "b"]}) == {"a": [], "b": ["a"], "c": ["b"]}


def test_a_drawing_has_its_boxes_its_arrows_and_no_markup_of_its_texts() -> None:
    root = ElementTree.fromstring(svg.svg([[Box("a<b", ("x & y",))], [Box("c")]], [("a<b", "c")], "t"))
    assert [text.text for text in root.iter(f"{SVG}text")] == ["a<b", "x & y", "c"]
    assert len([path for path in root.iter(f"{SVG}path") if path.get("class") == "e"]) == 1


@pytest.mark.parametrize("name", diagrams.drawings())
def test_boxes_of_a_diagram_stand_apart_and_inside_it(name: str) -> None:
    root = ElementTree.fromstring(diagrams.drawings()[name])
    width, height = float(root.get("width", 0)), float(root.get("height", 0))
    boxes = [
        tuple(float(each.get(side, 0)) for side in ("x", "y", "width", "height"))
        for each in root.iter(f"{SVG}rect")
        if each.get("class") == "b"
    ]
    assert boxes
    for number, (x, y, wide, tall) in enumerate(boxes):
        assert 0 <= x <= x + wide <= width
        assert 0 <= y <= y + tall <= height
        for ox, oy, owide, otall in boxes[number + 1 :]:
            assert x + wide <= ox or ox + owide <= x or y + tall <= oy or oy + otall <= y


def test_modules_are_drawn_with_what_they_take_through_locals() -> None:
    needs = terraform.references("dev")
    assert "keys" in needs["keyvalue"]
    assert "network" in needs["relational"]


def test_a_block_is_read_with_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "a.tf").write_text(
        'variable "tables" {\n  description = <<-EOT\n    Two\n    lines.\n  EOT\n'
        "  type = map(object({\n    a = string\n\n"
        "    b = number\n  }))\n  default = {}\n\n  validation {\n    condition = true\n  }\n}\n"
    )
    (block,) = hcl.blocks(tmp_path, "variable")
    assert block.labels == ("tables",)
    assert block.string("description").split() == ["Two", "lines."]
    assert block.arguments["type"].split() == ["map(object({", "a", "=", "string", "b", "=", "number", "}))"]
    assert block.arguments["default"].strip() == "{}"
