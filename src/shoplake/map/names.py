"""Finds a dataset or a column by the name that a user types: the full name, or the short one if it is unique."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from shoplake.errors import UnknownName
from shoplake.map.graph import Dataset, Graph, Reference


def dataset(graph: Graph, name: str) -> Dataset:
    """The dataset of a full or short name.

    Raises:
        UnknownName: there is none, or the short name is not unique.
    """
    return _only([Reference(one) for one in _datasets(graph, name)], graph, name).dataset


def column(graph: Graph, name: str) -> Reference:
    """The column of a full name or of one without its system.

    Raises:
        UnknownName: as `reference`; also if the name is that of a dataset.
    """
    found = reference(graph, name)
    if found.column is None:
        columns = ", ".join(one.name for one in found.dataset.fields) or "none"
        raise UnknownName(f"{found} is a dataset; expected a column of it, `{found}.COLUMN`", fix=f"columns: {columns}")
    return found


def reference(graph: Graph, name: str) -> Reference:
    """The dataset or column of a name: `gold.fct_orders`, `fct_orders`, `fct_orders.total_cents`.

    Raises:
        UnknownName: there is none, or the name is not unique. The message names the nearest, or the candidates.
    """
    return _only(candidates(graph, name), graph, name)


def candidates(graph: Graph, name: str) -> list[Reference]:
    """All datasets and columns that a name can mean. A dataset of that very name comes before any column."""
    return [Reference(one) for one in _datasets(graph, name)] or list(_columns(graph, name))


def _datasets(graph: Graph, name: str) -> list[Dataset]:
    if name in graph.datasets:
        return [graph.datasets[name]]
    return [one for one in graph.datasets.values() if one.name == name]


def _columns(graph: Graph, name: str) -> Iterator[Reference]:
    """Columns of the datasets whose full or short name is the beginning of `name`."""
    parts = name.split(".")
    for cut in range(1, len(parts)):
        column = ".".join(parts[cut:])
        for one in _datasets(graph, ".".join(parts[:cut])):
            if one.field(column):
                yield Reference(one, column)


def _only(found: list[Reference], graph: Graph, name: str) -> Reference:
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(one) for one in found)
        raise UnknownName(f"'{name}' can mean {len(found)} things: {listed}", fix="give one of these names")
    known = {one.name: one.id for one in graph.datasets.values()} | {one: one for one in graph.datasets}
    what = "dataset"
    holders = [one for cut in range(1, len(name.split("."))) for one in _datasets(graph, _head(name, cut))]
    if holders:
        what = "column"
        known = {one.column(part.name): one.column(part.name) for one in holders for part in one.fields}
        known |= {f"{one.name}.{part.name}": one.column(part.name) for one in holders for part in one.fields}
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean '{known[near[0]]}'?" if near else ""
    fix = "`shoplake catalog list` lists all datasets"
    if holders:
        fix = f"`shoplake catalog show {holders[0].id}` lists its columns"
    raise UnknownName(f"there is no {what} '{name}'{hint}", fix=fix)


def _head(name: str, parts: int) -> str:
    return ".".join(name.split(".")[:parts])
