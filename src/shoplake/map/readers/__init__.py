"""Readers: each makes datasets and edges from the source of one kind of thing. None asks a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shoplake.map.graph import Dataset, Edge


@dataclass(frozen=True, slots=True)
class Part:
    """The datasets and edges that one reader has found."""

    datasets: Sequence[Dataset]
    edges: Sequence[Edge]
