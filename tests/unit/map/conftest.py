"""The map of this project, read once."""

from __future__ import annotations

import pytest

from shoplake.map import project
from shoplake.map.graph import Graph


@pytest.fixture(scope="session")
def graph() -> Graph:
    return project.graph()
