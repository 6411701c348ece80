"""Profiles a dataset: for each column its type, nulls, distinct values, extremes, quantiles, top values, histogram.

Of a personal column only counts are taken: any of its values would be personal data, its extremes too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec

from shoplake.quality.distributions import Periods, population_stability_index
from shoplake.quality.facts import Facts
from shoplake.quality.workspace import Table, Workspace

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOP_VALUES = 5
BINS = 12
EXACT_ROWS = 1_000_000
"""Up to this number of rows distinct values are counted; beyond it they are estimated (HyperLogLog, about 5 %)."""
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL")
_TIMES = ("DATE", "TIMESTAMP")


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """A column.

    Attributes:
        type: DuckDB's.
        nulls: rows without a value.
        distinct: number of distinct values; None for lists.
        is_estimate: whether `distinct` is an estimate.
        personal: whether values are left out.
        min, max: as text.
        mean: of numbers.
        quantiles: of numbers, at `QUANTILES`.
        top: the most frequent values as text, with their rows; of texts, booleans and small sets of numbers.
        histogram: rows in each of `BINS` bins of equal width from `min` to `max`, of numbers and times.
    """

    name: str
    type: str
    nulls: int
    distinct: int | None = None
    is_estimate: bool = False
    personal: bool = False
    min: str | None = None
    max: str | None = None
    mean: float | None = None
    quantiles: tuple[float, ...] = ()
    top: tuple[tuple[str, int], ...] = ()
    histogram: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A dataset at one moment.

    Attributes:
        positions: up to where it had read the log, as JSON.
        snapshot: what identifies the state that was read.
    """

    dataset: str
    rows: int
    columns: tuple[ColumnProfile, ...]
    positions: Mapping[str, Mapping[str, int]]
    snapshot: str = ""

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Profile:
        """Read what `as_json` wrote."""
        return msgspec.convert(document, cls)


@dataclass(frozen=True, slots=True)
class Change:
    """What differs between two profiles: a column (empty for the dataset), a measure, before and after."""

    column: str
    measure: str
    before: str
    after: str


def profiled(workspace: Workspace, name: str, facts: Facts) -> Profile:
    """Profile a dataset, in three statements over it.

    Raises:
        ShoplakeError: its store cannot be read.
    """
    table = workspace.table(name)
    personal = {column for column in table.columns if facts.is_personal(name, column)}
    rows, values = _aggregates(workspace, table, personal)
    exact = rows <= EXACT_ROWS
    histograms = _histograms(workspace, table, values, personal)
    top = _top(workspace, table, values, personal)
    columns = tuple(
        ColumnProfile(
            column,
            kind,
            rows - values[column]["known"],
            values[column].get("distinct"),
            not exact and "distinct" in values[column],
            column in personal,
            values[column].get("min"),
            values[column].get("max"),
            values[column].get("mean"),
            tuple(values[column].get("quantiles") or ()),
            top.get(column, ()),
            histograms.get(column, ()),
        )
        for column, kind in table.columns.items()
    )
    return Profile(name, rows, columns, json.loads(table.positions.as_json()), table.snapshot)


def changes(before: Profile, after: Profile) -> Iterator[Change]:
    """Differences between two profiles of a dataset, column by column."""
    if before.rows != after.rows:
        yield Change("", "rows", f"{before.rows:,}", f"{after.rows:,}")
    old = {one.name: one for one in before.columns}
    new = {one.name: one for one in after.columns}
    for name in {**old, **new}:
        if name not in old or name not in new:
            yield Change(name, "column", "there" if name in old else "absent", "there" if name in new else "absent")
            continue
        yield from _column_changes(old[name], new[name], before.rows, after.rows)


def _column_changes(old: ColumnProfile, new: ColumnProfile, old_rows: int, new_rows: int) -> Iterator[Change]:
    def share(nulls: int, rows: int) -> str:
        return f"{nulls / rows:.2%}" if rows else "no rows"

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:,.6g}"

    medians = (one.quantiles[QUANTILES.index(0.5)] if one.quantiles else None for one in (old, new))
    rows = (
        ("type", old.type, new.type),
        ("nulls", share(old.nulls, old_rows), share(new.nulls, new_rows)),
        ("distinct", number(old.distinct), number(new.distinct)),
        ("min", old.min or "", new.min or ""),
        ("max", old.max or "", new.max or ""),
        ("mean", number(old.mean), number(new.mean)),
        ("median", *map(number, medians)),
    )
    for measure, was, is_ in rows:
        if was != is_:
            yield Change(new.name, measure, was, is_)
    if old.top and new.top and len(old.top) < TOP_VALUES and len(new.top) < TOP_VALUES:  # all values are there
        names = sorted({value for value, _ in (*old.top, *new.top)})
        was_top, is_top = dict(old.top), dict(new.top)
        index = population_stability_index(
            Periods({n: is_top.get(n, 0) for n in names}, {n: was_top.get(n, 0) for n in names})
        )
        if index:
            yield Change(new.name, "population stability index", "", f"{index:.4f}")


def _aggregates(workspace: Workspace, table: Table, personal: set[str]) -> tuple[int, dict[str, dict[str, Any]]]:
    """The number of rows, and for each column its aggregates, from one statement."""
    ((rows,),) = workspace.rows(f"SELECT count(*) FROM {table.sql}")  # noqa: S608
    counted = "count(DISTINCT {})" if rows <= EXACT_ROWS else "approx_count_distinct({})"
    wanted: list[tuple[str, str, str]] = []
    for column, kind in table.columns.items():
        name = _quoted(column)
        wanted.append((column, "known", f"count({name})"))
        if not _is_nested(kind):
            wanted.append((column, "distinct", counted.format(name)))
        if column in personal or _is_nested(kind):
            continue
        wanted += [(column, "min", f"min({name})::VARCHAR"), (column, "max", f"max({name})::VARCHAR")]
        if kind.startswith(_NUMBERS):
            wanted.append((column, "mean", f"avg({name})::DOUBLE"))
            wanted.append((column, "quantiles", f"approx_quantile({name}::DOUBLE, {list(QUANTILES)})"))
    found = workspace.rows(f"SELECT {', '.join(sql for *_, sql in wanted)} FROM {table.sql}")[0]  # noqa: S608
    values: dict[str, dict[str, Any]] = {}
    for (column, measure, _), value in zip(wanted, found, strict=True):
        values.setdefault(column, {})[measure] = value
    return int(rows), values


def _histograms(
    workspace: Workspace, table: Table, values: Mapping[str, Mapping[str, Any]], personal: set[str]
) -> dict[str, tuple[int, ...]]:
    """Column -> rows in each bin, from one statement."""
    selected: dict[str, str] = {}
    for column, kind in table.columns.items():
        low, high = values[column].get("min"), values[column].get("max")
        if column in personal or low is None or low == high or not kind.startswith((*_NUMBERS, *_TIMES)):
            continue
        number, cast = _quoted(column), kind
        if kind.startswith(_TIMES):
            number, cast = f"epoch({number})", "TIMESTAMP"
        begin, end = (
            f"epoch('{one}'::{cast})" if kind.startswith(_TIMES) else f"'{one}'::DOUBLE" for one in (low, high)
        )
        share = f"({number} - {begin}) / ({end} - {begin})"
        selected[column] = f"histogram(least(floor({share} * {BINS}), {BINS - 1})::INTEGER)"
    if not selected:
        return {}
    found = workspace.rows(f"SELECT {', '.join(selected.values())} FROM {table.sql}")[0]  # noqa: S608
    return {
        column: tuple(int((counts or {}).get(n, 0)) for n in range(BINS))
        for column, counts in zip(selected, found, strict=True)
    }


def _top(
    workspace: Workspace, table: Table, values: Mapping[str, Mapping[str, Any]], personal: set[str]
) -> dict[str, tuple[tuple[str, int], ...]]:
    """Column -> the most frequent values, of columns where some value is there more than once."""
    columns = [
        column
        for column, kind in table.columns.items()
        if column not in personal
        and not _is_nested(kind)
        and not kind.startswith(_TIMES)
        and 0 < (values[column].get("distinct") or 0) < values[column]["known"]
    ]
    if not columns:
        return {}
    parts = [
        f"(SELECT {n} AS n, {_quoted(column)}::VARCHAR AS value, count(*) AS rows FROM {table.sql}"  # noqa: S608
        f" WHERE {_quoted(column)} IS NOT NULL GROUP BY ALL ORDER BY rows DESC, value LIMIT {TOP_VALUES})"
        for n, column in enumerate(columns)
    ]
    found: dict[str, list[tuple[str, int]]] = {}
    for n, value, rows in workspace.rows(" UNION ALL ".join(parts)):
        found.setdefault(columns[n], []).append((str(value), int(rows)))
    return {column: tuple(sorted(top, key=lambda one: (-one[1], one[0]))) for column, top in found.items()}


def chosen(runs: Sequence[tuple[str, datetime, dict[str, Any]]], names: Sequence[str]) -> list[tuple[str, Profile]]:
    """Two stored profiles, the older first: those of the named runs, or the two newest.

    Args:
        runs: id, time and profile, newest first.
        names: ids, or their beginnings; none, or two.

    Raises:
        LookupError: there are not two, or a name fits none. The text says which.
    """
    if names:
        found = []
        for name in names:
            fitting = [run for run in runs if run[0].startswith(name)]
            if not fitting:
                raise LookupError(f"no profile of a run '{name}'")
            found.append(fitting[0])
    else:
        found = list(reversed(runs[:2]))
    if len(found) != 2:
        raise LookupError(f"expected two profiles, found {len(found)}")
    return [(run, Profile.parse(document)) for run, _, document in found]


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP"))


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
