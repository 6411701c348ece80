from __future__ import annotations

import pytest

from docgen.compose import PAGE, drawing, with_drawing
from shoplake import paths
from shoplake.errors import UsageError


def test_the_docs_hold_the_drawing_of_today() -> None:
    page = (paths.project_root() / PAGE).read_text()
    assert with_drawing(page) == page, "write it with `python -m docgen`"


def test_the_drawing_shows_ports_networks_and_who_waits_for_whom() -> None:
    lines = [line.strip() for line in drawing().splitlines()]
    assert 'host -- "29092:29092" --> kafka' in lines
    assert "apply --> sink-lake" in lines
    assert 'subgraph data["data network, no way out"]' in lines
    assert "| postgres | postgres:18 |  | 25432 | 512m |" in lines


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(UsageError, match="no place for the drawing"):
        with_drawing("# Containers\n")
