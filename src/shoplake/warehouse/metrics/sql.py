"""Compiles a question about a metric to one SQL statement for DuckDB.

Each simple metric becomes a query of its own, grouped by the same dimensions. Ratios and derived metrics are computed
from these groups, so that tables of different grains are never joined row by row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from shoplake.errors import UnknownName, UsageError, WarehouseError
from shoplake.warehouse.metrics import conditions, dimensions
from shoplake.warehouse.metrics.definitions import Definitions, Derived, Metric, Ratio, SemanticModel, Simple
from shoplake.warehouse.metrics.dimensions import Join

_JINJA = re.compile(
    r"""\{\{\s*(TimeDimension|Dimension)\(\s*['"](\w+?)__(\w+)['"]\s*(?:,\s*['"]\w+['"]\s*)?\)\s*\}\}"""
)
_AGGREGATES = {
    "sum": "sum({})",
    "sum_boolean": "count_if({})",
    "count": "count({})",
    "count_distinct": "count(DISTINCT {})",
    "min": "min({})",
    "max": "max({})",
    "average": "avg({})",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One metric, and how it is to be shown.

    Attributes:
        metric: its name.
        by: dimensions, in the order of the columns.
        since, until: first and last day that count, UTC; None is no limit.
        where: a condition in SQL over dimensions.
    """

    metric: str
    by: Sequence[str] = ()
    since: date | None = None
    until: date | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The statement, its columns, and the gold tables that it reads."""

    statement: str
    columns: tuple[str, ...]
    tables: tuple[str, ...]


def compiled(definitions: Definitions, question: Question) -> Compiled:
    """Compile a question.

    Raises:
        UnknownName: there is no such metric, or it has no such dimension. The message names those that exist.
        UsageError: the last day is before the first.
        QueryRefused: the condition is not SQL.
        WarehouseError: the definition of the metric cannot be compiled.
    """
    metric = definitions.metric(question.metric)
    if question.since and question.until and question.until < question.since:
        raise UsageError(
            f"the last day {question.until} is before the first day {question.since}", fix="exchange the two days"
        )
    grouped = tuple(dict.fromkeys((*(name.lower() for name in question.by), *metric.always_by)))
    filtered = [name.lower() for name in conditions.names_in(question.where)] if question.where else []
    known = dimensions.all_names(definitions, metric)
    for name in (*grouped, *filtered):
        if name not in known:
            listed = ", ".join(dimensions.names(definitions, metric))
            raise UnknownName(f"{metric.name} has no dimension '{name}'", fix=f"choose from {listed}")
    simple = {one.name: one for one in dimensions.simple_metrics(metric)}
    parts = [_Part(definitions, one, question.where, grouped, filtered) for one in simple.values()]
    source = "\nUNION ALL BY NAME\n".join(f"({part.statement(question)})" for part in parts)
    by = ", ".join(map(_quoted, grouped))
    statement = _selected([*map(_quoted, grouped), *(part.collected() for part in parts)], source)
    statement += f"\nGROUP BY {by}" if grouped else ""
    for name, expr in dict(_computed(metric)).items():
        statement = _selected(["*", f"{expr} AS {_quoted(name)}"], statement)
    shown = (*grouped, metric.name)
    statement = _selected(map(_quoted, shown), statement) + (f"\nORDER BY {by}" if grouped else "")
    tables = dict.fromkeys(model.table for part in parts for model in part.models)
    return Compiled(statement, shown, tuple(tables))


def _selected(columns: Iterable[str], source: str) -> str:
    return f"SELECT {', '.join(columns)}\nFROM (\n{source}\n)"


def _computed(metric: Metric) -> Iterator[tuple[str, str]]:
    """Name and SQL of each figure that is computed from other figures, those that others need first."""
    how = metric.how
    if isinstance(how, Ratio):
        yield from (*_computed(how.numerator), *_computed(how.denominator))
        yield metric.name, f"{_quoted(how.numerator.name)}::DOUBLE / nullif({_quoted(how.denominator.name)}, 0)"
    elif isinstance(how, Derived):
        for alias, one in how.inputs.items():
            yield from _computed(one)
            if alias != one.name:
                yield alias, _quoted(one.name)
        yield metric.name, f"({how.expr})"


class _Part:
    """The query of a simple metric: its table and the joined ones, each with the columns that the question needs."""

    def __init__(
        self, definitions: Definitions, metric: Metric, where: str, grouped: Sequence[str], filtered: Sequence[str]
    ) -> None:
        assert isinstance(metric.how, Simple)  # noqa: S101 - by simple_metrics
        self._metric, self._simple = metric, metric.how
        self._model = metric.how.model
        self._columns = dimensions.columns(definitions, self._model)
        self._inner: dict[str, dict[str, str]] = {}
        self._joins: list[Join] = []
        self._rows: dict[str, str] = {}
        self._grouped = grouped
        self.models: list[SemanticModel] = [self._model]
        self._select(self._model, "$value", self._simple.measure.expr)
        if time := self._model.times.get(self._simple.measure.time):
            self._select(self._model, "$at", time.expr)
        for name in (*grouped, *filtered):
            self._add(name)
        self._conditions = [f"({_JINJA.sub(self._reference, one)})" for one in self._simple.filters]
        if any("{" in one for one in self._conditions):
            raise WarehouseError(
                f"the filter of the metric {metric.name} cannot be compiled: {self._simple.filters}",
                fix="write {{ Dimension('entity__name') }} or {{ TimeDimension('entity__name', 'day') }}",
            )
        if where:
            self._conditions.append(f"(\n{where}\n)")

    def statement(self, question: Question) -> str:
        """One row for each group that has rows, with the figure."""
        conditions = list(self._conditions)
        if question.since:
            conditions.append(f"\"$at\" >= DATE '{question.since}'")
        if question.until:
            conditions.append(f"\"$at\" < DATE '{question.until + timedelta(days=1)}'")
        by = ", ".join(map(_quoted, self._grouped))
        aggregate = _AGGREGATES[self._simple.measure.agg].format(_quoted("$value"))
        figure = f"{aggregate} AS {_quoted(self._metric.name)}"
        where = f"\nWHERE {' AND '.join(conditions)}" if conditions else ""
        rows = _selected([*map(_quoted, self._grouped), figure], self._source())
        return rows + where + (f"\nGROUP BY {by}" if by else "")

    def collected(self) -> str:
        """The figure of a group, of which the other parts have nulls."""
        name, fill = _quoted(self._metric.name), self._simple.fill_nulls_with
        return f"max({name}) AS {name}" if fill is None else f"coalesce(max({name}), {int(fill)}) AS {name}"

    def _source(self) -> str:
        rows = ", ".join(f"{expr} AS {_quoted(name)}" for name, expr in self._rows.items())
        source = f"SELECT {rows}\nFROM {self._table(self._model)}"
        for join in self._joins:
            source += (
                f"\nLEFT JOIN {self._table(join.target)}"
                f"\nON {_of(join.source, '$' + join.entity)} = {_of(join.target, '$' + join.entity)}"
            )
        return source

    def _table(self, model: SemanticModel) -> str:
        """The table with its expressions computed, so that their columns cannot be those of another table."""
        inner = ", ".join(f"({expr}) AS {_quoted(name)}" for name, expr in self._inner[model.name].items())
        return f"(SELECT {inner} FROM gold.{_quoted(model.table)}) AS {_quoted(model.name)}"  # noqa: S608 - of the YAML

    def _add(self, name: str) -> None:
        if name in dimensions.grains(self._simple):
            self._rows[name] = f"date_trunc('{name}', {_of(self._model, '$at')})::DATE"
            return
        column = self._columns[name]
        for join in column.joins:
            if join.target not in self.models:
                self.models.append(join.target)
            if join not in self._joins:
                self._joins.append(join)
            self._inner.setdefault(join.source.name, {})["$" + join.entity] = join.source.references[join.entity]
            self._inner.setdefault(join.target.name, {})["$" + join.entity] = join.target.keys[join.entity]
        self._select(column.model, name, column.expr)

    def _select(self, model: SemanticModel, name: str, expr: str) -> None:
        self._inner.setdefault(model.name, {})[name] = expr
        self._rows[name] = _of(model, name)

    def _reference(self, found: re.Match[str]) -> str:
        """The column that a filter of dbt names."""
        kind, entity, name = found.groups()
        own = entity in self._model.keys
        if kind == "TimeDimension" and own and name in self._model.times:
            self._select(self._model, name, self._model.times[name].expr)
            return _quoted(name)
        column = name if own and name in self._model.dimensions else f"{entity}__{name}"
        if kind == "TimeDimension" or column not in self._columns:
            return found[0]  # the caller refuses it
        self._add(column)
        return _quoted(column)


def _of(model: SemanticModel, column: str) -> str:
    return f"{_quoted(model.name)}.{_quoted(column)}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
