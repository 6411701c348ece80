"""The facts of the map, for checks. Without the map's extra they are what the metadata and the contract say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shoplake.contract import EVENTS
from shoplake.contract.data_classes import data_classes
from shoplake.errors import MissingExtra
from shoplake.map import metadata, project
from shoplake.map.graph import Dataset, Freshness
from shoplake.quality.facts import Facts

SYSTEMS = ("kafka", "postgres", "dynamodb", "mongodb", "redis", "lake")


def facts_of(keys: Mapping[str, tuple[str, ...]], checked: Iterable[str] = ()) -> Facts:
    """Facts about every dataset of the map.

    Without the extra `catalog` a column is personal if any field of the contract with its name is, and models of the
    warehouse have neither owner nor objective.

    Args:
        keys: key columns that files of checks say.
        checked: full names of datasets that have checks, which may not be on the map.
    """
    try:
        datasets = dict(project.graph().datasets)
    except MissingExtra:
        datasets = {one.id: one for one in _from_metadata()}
    for name in checked:
        system, _, short = name.partition(".")
        datasets.setdefault(name, Dataset(system, short, ""))
    return Facts(datasets, keys, personal_names())


def personal_names() -> frozenset[str]:
    """The names of all personal fields of the contract."""
    return frozenset(
        field for event in EVENTS.values() for field, of in data_classes(event).items() if of == "personal"
    )


def _from_metadata() -> Iterable[Dataset]:
    for system in SYSTEMS:
        content = metadata.load(system).content
        for name, entry in content.datasets.items():
            freshness = entry.freshness or content.freshness
            objective = freshness.in_seconds() if freshness else Freshness()
            yield Dataset(system, name, "", owner=entry.owner or content.owner, freshness=objective, tags=entry.tags)
