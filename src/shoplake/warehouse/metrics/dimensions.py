"""Finds the dimensions of a metric: grains of its time, columns of its table, and columns of the tables it refers to.

A join always goes from a reference to a key, that is from many rows to one. So no row counts twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shoplake.warehouse.metrics.definitions import Definitions, Metric, Ratio, SemanticModel, Simple

GRAINS = ("day", "week", "month", "quarter", "year")


@dataclass(frozen=True, slots=True)
class Join:
    """From a model to the row of another one that an entity names."""

    source: SemanticModel
    entity: str
    target: SemanticModel


@dataclass(frozen=True, slots=True)
class Column:
    """A column to group by, the model that has it, and the joins that lead there."""

    model: SemanticModel
    expr: str
    joins: tuple[Join, ...] = ()


def simple_metrics(metric: Metric) -> Iterator[Metric]:
    """The simple metrics that a metric is computed from; one may come twice."""
    if isinstance(metric.how, Simple):
        yield metric
        return
    how = metric.how
    for one in (how.numerator, how.denominator) if isinstance(how, Ratio) else how.inputs.values():
        yield from simple_metrics(one)


def all_names(definitions: Definitions, metric: Metric) -> list[str]:
    """The names that a metric can be grouped by: those that all of its simple metrics have."""
    common: list[str] | None = None
    for one in simple_metrics(metric):
        assert isinstance(one.how, Simple)  # noqa: S101 - by simple_metrics
        found = [*grains(one.how), *columns(definitions, one.how.model)]
        common = found if common is None else [name for name in common if name in found]
    return common or []


def names(definitions: Definitions, metric: Metric) -> list[str]:
    """The names to show to people: without the second ones of the form `entity__column`."""
    return [name for name in all_names(definitions, metric) if "__" not in name]


def grains(simple: Simple) -> tuple[str, ...]:
    """The grains of time that a measure can be grouped by."""
    time = simple.model.times.get(simple.measure.time)
    return GRAINS[GRAINS.index(time.grain) :] if time and time.grain in GRAINS else ()


def columns(definitions: Definitions, model: SemanticModel) -> Mapping[str, Column]:
    """The columns that a model can be grouped by.

    A column of another model has the name `entity__column` too, as in dbt. Of two columns with one name, the name
    alone means the one that fewer joins lead to; of two that are equally far, neither.
    """
    found = {name: Column(model, expr) for name, expr in model.dimensions.items()}
    reached, ambiguous = {model.name}, set[str]()
    level: list[tuple[SemanticModel, tuple[Join, ...]]] = [(model, ())]
    while level:
        level = [step for one, joins in level for step in _next(definitions, one, joins, reached)]
        reached |= {target.name for target, _ in level}
        near: dict[str, list[Column]] = {}
        for target, joins in level:
            for name, expr in target.dimensions.items():
                near.setdefault(name, []).append(Column(target, expr, joins))
                found.setdefault(f"{joins[-1].entity}__{name}", Column(target, expr, joins))
        for name in [one for one in near if one not in found and one not in ambiguous]:
            if len(near[name]) == 1:
                found[name] = near[name][0]
            else:
                ambiguous.add(name)
    return found


def _next(
    definitions: Definitions, model: SemanticModel, joins: tuple[Join, ...], reached: set[str]
) -> Iterator[tuple[SemanticModel, tuple[Join, ...]]]:
    for entity in model.references:
        for target in definitions.models.values():
            if entity in target.keys and target.name not in reached:
                yield target, (*joins, Join(model, entity, target))
