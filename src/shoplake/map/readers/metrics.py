"""Metrics: the figures of warehouse/models/metrics, with their dimensions and the gold columns they come from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from shoplake.errors import MapError
from shoplake.map import sql_lineage
from shoplake.map.graph import Dataset, Edge, Field
from shoplake.map.readers import Part
from shoplake.warehouse.metrics import dimensions
from shoplake.warehouse.metrics.definitions import Definitions, Metric, Ratio, Simple

VALUE = "value"
"""The column of a metric that has its figure. Its other columns are its dimensions."""
_DIMENSION = re.compile(r"""\{\{\s*(?:Time)?Dimension\(\s*['"]\w+?__(\w+)['"]\s*(?:,\s*['"]\w+['"]\s*)?\)\s*\}\}""")


def read(definitions: Definitions, root: Path, gold: Mapping[str, Dataset]) -> Part:
    """All metrics.

    Args:
        definitions: of the dbt project.
        root: the folder above the dbt project.
        gold: the gold tables by name.

    Raises:
        WarehouseError: a metric is of a kind that cannot be compiled.
        MapError: the SQL of a measure or a dimension cannot be parsed.
    """
    metrics = [definitions.metric(name) for name in sorted(definitions.metrics)]
    datasets = [
        Dataset(
            system="metrics",
            name=one.name,
            kind="metric",
            description=one.description,
            owner=one.owner,
            fields=(
                Field(VALUE, one.unit, one.description),
                *(Field(name, "dimension", key=name in one.always_by) for name in dimensions.names(definitions, one)),
            ),
            source=str(definitions.files[one.name].relative_to(root)),
            unit=one.unit,
        )
        for one in metrics
    ]
    return Part(datasets, [edge for one in metrics for edge in _edges(definitions, one, gold)])


def _edges(definitions: Definitions, metric: Metric, gold: Mapping[str, Dataset]) -> Iterator[Edge]:
    how = metric.how
    shown = dimensions.names(definitions, metric)
    if isinstance(how, Simple):
        yield from _simple_edges(definitions, metric, how, gold)
        return
    for one in (how.numerator, how.denominator) if isinstance(how, Ratio) else how.inputs.values():
        yield Edge(f"metrics.{one.name}.{VALUE}", f"metrics.{metric.name}.{VALUE}")
        for name in shown:
            yield Edge(f"metrics.{one.name}.{name}", f"metrics.{metric.name}.{name}")


def _simple_edges(definitions: Definitions, metric: Metric, how: Simple, gold: Mapping[str, Dataset]) -> Iterator[Edge]:
    target, model = f"metrics.{metric.name}", how.model
    counts = how.measure.agg in ("count", "count_distinct")
    for column in _columns(how.measure.expr, gold[model.table], metric):
        yield Edge(column, f"{target}.{VALUE}", condition=counts)
    own = {**model.dimensions, **{name: time.expr for name, time in model.times.items()}}
    for text in how.filters:
        for name in _DIMENSION.findall(text):
            for column in _columns(own.get(name, name), gold[model.table], metric):
                yield Edge(column, f"{target}.{VALUE}", condition=True)
    reachable = dimensions.columns(definitions, model)
    time = model.times.get(how.measure.time)
    for name in dimensions.names(definitions, metric):
        if name in reachable:
            found = reachable[name]
            columns = _columns(found.expr, gold[found.model.table], metric)
        else:  # a grain of time
            columns = _columns(time.expr, gold[model.table], metric) if time else []
        for column in columns:
            yield Edge(column, f"{target}.{name}")


def _columns(expr: str, table: Dataset, metric: Metric) -> list[str]:
    """The columns of a table in an expression."""
    try:
        names = sql_lineage.of_expression(expr)
    except ValueError as error:
        raise MapError(f"the metric {metric.name} has an expression that is not SQL: {expr}: {error}") from error
    return [table.column(name) for name in names if table.field(name)]
