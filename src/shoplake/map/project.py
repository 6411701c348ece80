"""Puts the map together: reads every source, and carries the data class of each column along the lineage."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from shoplake.contract import TOPICS, Topic
from shoplake.contract.data_classes import DataClass, strictest
from shoplake.errors import MapError
from shoplake.map import metadata
from shoplake.map.graph import RECORDS, Dataset, Edge, Field, Graph
from shoplake.map.readers import dashboards, dbt, jobs, metrics, records, sinks, topics
from shoplake.warehouse import dbt_project
from shoplake.warehouse.metrics import definitions

Override = tuple[DataClass, str]


@cache
def graph() -> Graph:
    """The map of this project. It is read once in a process, in one or two seconds.

    Raises:
        MapError: a file that describes datasets is not valid, or a model cannot be read.
        WarehouseError: a metric is not valid.
        MissingExtra: the extra `catalog` is not installed.
    """
    return read(dbt_project.project_folder())


def read(root: Path, folder: Path = metadata.FOLDER, contract: Mapping[str, Topic] = TOPICS) -> Graph:
    """The map of a dbt project, with the metadata of a folder.

    Args:
        root: the folder with `dbt_project.yml`.
        folder: the folder with `<system>.yaml`.
        contract: the topics of events.

    Raises:
        MapError, WarehouseError, MissingExtra: as `graph`.
    """
    systems = ("kafka", "postgres", "lake", "jobs", *sinks.DECLARED, *RECORDS)
    known = {system: metadata.load(system, folder) for system in systems}
    project = dbt.Project(root)
    events = topics.read(known["kafka"], contract)
    by_topic = {one.name: one for one in events.datasets}
    bronze = sinks.lake(known["lake"], contract, project.source_descriptions("bronze"))
    models = project.read(bronze.datasets)
    figures = definitions.load(root / "models")
    gold = {one.name: one for one in models.datasets}
    parts = [
        events,
        sinks.postgres(known["postgres"], by_topic),
        *(sinks.declared(known[system], by_topic) for system in sinks.DECLARED),
        bronze,
        models,
        metrics.read(figures, root.parent, gold),
        dashboards.read(root, frozenset(figures.metrics)),
        jobs.read(known["jobs"]),
        records.read(known),
    ]
    datasets = [one for part in parts for one in part.datasets]
    edges = [edge for part in parts for edge in part.edges]
    overrides: dict[str, Override] = {}
    for one in known.values():
        overrides |= one.overrides
    overrides |= project.overrides()
    try:
        return Graph.of(_classified(datasets, edges, overrides), edges)
    except ValueError as error:
        raise MapError(f"the map does not fit together: {error}", fix="correct the source that names it") from error


def _classified(datasets: list[Dataset], edges: list[Edge], overrides: Mapping[str, Override]) -> list[Dataset]:
    """The datasets with the data class of each column: as its mark or override says, else as strict as its origins."""
    origins: dict[str, list[str]] = {}
    for edge in edges:
        if not edge.condition:
            origins.setdefault(edge.target, []).append(edge.source)
    known: dict[str, tuple[DataClass, str]] = {
        one.column(field.name): (field.data_class, "")
        for one in datasets
        if one.system == "kafka"
        for field in one.fields
    }
    known |= overrides

    def class_of(column: str) -> tuple[DataClass, str]:
        if column not in known:
            known[column] = ("internal", "")  # of a column that comes from itself
            found = {origin: class_of(origin)[0] for origin in origins.get(column, ())}
            if found:
                own = strictest(found.values())
                known[column] = own, f"from {next(one for one, it in found.items() if it == own)}"
        return known[column]

    def classified(one: Dataset, field: Field) -> Field:
        data_class, reason = class_of(one.column(field.name))
        return dataclasses.replace(field, data_class=data_class, class_reason=reason)

    return [dataclasses.replace(one, fields=tuple(classified(one, field) for field in one.fields)) for one in datasets]
