"""Compiles the checks of a dataset: those of rows and aggregates to one statement, so that its rows are read once.

Reconciliation with the stage before compares keys, so it is a statement of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shoplake.positions import Positions
from shoplake.quality.rules.declaration import (
    Check,
    Completeness,
    Declared,
    Distribution,
    OfRows,
    Pattern,
    Range,
    ReferentialIntegrity,
    RowCount,
    SetMembership,
    Sql,
    Sums,
    Uniqueness,
)
from shoplake.quality.workspace import Table

EVERY_ROW = "true"
BIN_SEPARATOR = "|"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the statement of a dataset, for one check.

    Attributes:
        joins: relations that give at most one row for each row of the dataset.
        aggregates: the values that decide the outcome, in SQL.
        failing: condition that is true for a failing row; empty if single rows do not fail.
    """

    aggregates: tuple[str, ...]
    joins: tuple[str, ...] = ()
    failing: str = ""


def part(rule: Declared, number: int, tables: Mapping[str, Table], own: Table) -> Part:
    """Compile a check. `RowCount` with a dataset and `Sql` with a query are not compiled here.

    Args:
        rule: the check.
        number: unique in the statement.
        tables: the other datasets that it names.
        own: the dataset.
    """
    where = f"({rule.where})" if rule.where else EVERY_ROW
    joins: tuple[str, ...] = ()
    if isinstance(rule, Distribution):
        return Part((_histogram(rule, where),))
    if isinstance(rule, RowCount):
        return Part((f"count(*) FILTER (WHERE {where})",))
    if isinstance(rule, Uniqueness):
        known = f"{where} AND {_all_known(rule.columns)}"
        rows = f"count(*) FILTER (WHERE {known})"
        distinct = f"count(DISTINCT ({_list(rule.columns)})) FILTER (WHERE {known})"
        return Part((rows, f"{rows} - {distinct}"))
    if isinstance(rule, Sums) and rule.dataset and not rule.columns:
        total = f"(SELECT coalesce({rule.equals}, 0) {_from(rule, tables, own)})"
        own_total = f"coalesce({rule.expression}, 0)"
        # FILTER belongs to one aggregate; the expression may have several.
        filtered = f"(SELECT {own_total} FROM {own.sql} WHERE {where})"  # noqa: S608
        return Part((filtered if rule.where else own_total, total))
    if isinstance(rule, ReferentialIntegrity):
        joins = (_referenced(rule, number, tables[rule.dataset]),)
    elif isinstance(rule, Sums) and rule.dataset:
        joins = (_summed(rule, number, tables, own),)
    assert isinstance(rule, OfRows)  # noqa: S101 - the other kinds are above
    failing = f"{where} AND ({_failing(rule, number)})"
    rows = f"count(*) FILTER (WHERE {where})"
    return Part((rows, f"count(*) FILTER (WHERE {failing})"), joins, failing)


def statement(table: Table, parts: Sequence[Part]) -> str:
    """One statement with the values of all parts, one after the other, in one row."""
    joins = "".join(join for one in parts for join in one.joins)
    selected = ", ".join(value for one in parts for value in one.aggregates)
    return f"SELECT {selected} FROM {table.sql} AS own{joins}"  # noqa: S608 - checks are SQL of the user's own


def failing_keys(table: Table, key: Sequence[str], rule: Declared, compiled: Part, limit: int) -> str:
    """A statement for the keys of some failing rows; empty if single rows do not fail."""
    selected = _list(key, "own.")
    if isinstance(rule, Uniqueness):
        where = f"({rule.where})" if rule.where else EVERY_ROW
        return (
            f"SELECT {selected} FROM {table.sql} AS own WHERE {where} AND {_all_known(rule.columns)}"  # noqa: S608
            f" QUALIFY count(*) OVER (PARTITION BY {_list(rule.columns)}) > 1 ORDER BY ALL LIMIT {limit}"
        )
    if not compiled.failing:
        return ""
    joins = "".join(compiled.joins)
    return f"SELECT {selected} FROM {table.sql} AS own{joins} WHERE {compiled.failing} ORDER BY ALL LIMIT {limit}"  # noqa: S608


def reconciliation(rule: RowCount, own: Table, before: Table, other: Table | None) -> str:
    """A statement with the keys that are not accounted for: `problem`, then the key as texts.

    `problem` is missing (here), unexpected (here, but not in the stage before) or copies (another number of rows).
    """
    keys, columns = rule.keys, rule.columns or rule.keys
    expected = [f"({rule.of})" if rule.of else EVERY_ROW, before_positions(before, own)]
    # A row that the other dataset has not seen yet may still be on its way there.
    settled = EVERY_ROW if other is None else before_positions(before, other)
    counted = f'sum("{rule.copies}")' if rule.copies else "1"
    where = f" WHERE {rule.where}" if rule.where else ""
    as_keys = ", ".join(f'"{column}" AS k{n}' for n, column in enumerate(columns))
    before_keys = ", ".join(f'"{column}" AS k{n}' for n, column in enumerate(keys))
    names = ", ".join(f"k{n}" for n in range(len(keys)))
    known = " AND ".join(f'"{column}" IS NOT NULL' for column in keys)
    found = "FROM own"
    with_other = ""
    if rule.or_in is not None and other is not None:
        other_keys = ", ".join(f'"{column}" AS k{n}' for n, column in enumerate(rule.or_in.columns))
        other_where = f" WHERE {rule.or_in.where}" if rule.or_in.where else ""
        with_other = f", other AS (SELECT DISTINCT {other_keys} FROM {other.sql}{other_where})"  # noqa: S608
        found = f"FROM own SELECT {names} UNION ALL FROM other SELECT {names}"  # noqa: S608
    copies = ""
    if rule.copies:
        differing = f"FROM before JOIN own USING ({names}) WHERE before.n <> own.n"
        copies = f" UNION ALL SELECT 'copies', {names} {differing}"
    return (
        f"WITH before AS MATERIALIZED (SELECT {before_keys}, count(*) AS n, bool_or({settled}) AS settled"  # noqa: S608
        f" FROM {before.sql}"
        f" WHERE {' AND '.join(expected)} AND {known} GROUP BY ALL),"
        f" own AS MATERIALIZED (SELECT {as_keys}, {counted} AS n FROM {own.sql}{where} GROUP BY ALL){with_other},"
        f" found AS ({found})"
        f" SELECT 'missing' AS problem, {names} FROM before ANTI JOIN found USING ({names}) WHERE settled"
        f" UNION ALL SELECT 'unexpected', {names} FROM own ANTI JOIN before USING ({names}){copies}"
    )


def before_positions(stage: Table, reader: Table) -> str:
    """Condition on rows of a stage whose rows have their place: those that the reader has read.

    Without positions of the reader, or without places, every row.
    """
    topic = topic_of(stage)
    if not {"kafka_partition", "kafka_offset"} <= stage.columns.keys() or not reader.positions.next_offsets:
        return EVERY_ROW
    offsets = reader.positions.of(topic)
    cases = " ".join(f"WHEN {p} THEN {offset}" for p, offset in sorted(offsets.items()))
    return f"kafka_offset < CASE kafka_partition {cases} ELSE 0 END" if cases else "false"


def topic_of(stage: Table) -> str:
    """The topic whose events the rows of a stage are."""
    return stage.name.partition(".")[2].removeprefix("stg_")


def is_behind(stage: Table, reader: Table) -> bool:
    """Whether a stage lacks events that its reader has, so that rows of the reader may have no cause in it."""
    topic = topic_of(stage)
    wanted = {place: offset for place, offset in reader.positions.next_offsets.items() if place.topic == topic}
    return bool(stage.positions.behind(Positions(wanted))) if stage.positions.next_offsets else False


def columns_of(check: Check) -> list[str]:
    """The columns of the dataset that a check names, apart from those in SQL."""
    rule = check.rule
    if isinstance(rule, RowCount):
        return [*(rule.columns or rule.keys), *([rule.copies] if rule.copies else [])]
    named = list(getattr(rule, "columns", ()))
    return [*named, *(getattr(rule, name) for name in ("column", "time") if hasattr(rule, name))]


def _from(rule: Sums, tables: Mapping[str, Table], own: Table) -> str:
    other = tables[rule.dataset]
    conditions = [f"({rule.of})" if rule.of else EVERY_ROW, before_positions(other, own)]
    return f"FROM {other.sql} WHERE {' AND '.join(conditions)}"


def _failing(rule: OfRows, number: int) -> str:
    match rule:
        case Completeness():
            return " OR ".join(f"{_column(column)} IS NULL" for column in rule.columns)
        case Range():
            bounds = [f"{_column(rule.column)} < {_literal(rule.min)}"] if rule.min is not None else []
            bounds += [f"{_column(rule.column)} > {_literal(rule.max)}"] if rule.max is not None else []
            return " OR ".join(bounds) or "false"
        case SetMembership():
            return f"{_column(rule.column)} NOT IN ({', '.join(map(_literal, rule.values))})"
        case Pattern():
            return f"NOT regexp_full_match({_column(rule.column)}::VARCHAR, {_literal(rule.pattern)})"
        case ReferentialIntegrity():
            return f"{_all_known(rule.columns)} AND r{number}.found IS NULL"
        case Sums():
            right = f"s{number}.total" if rule.dataset else f"({rule.equals})"
            left = f"({rule.expression})"
            return f"abs({left} - {right}) > {rule.tolerance!r} OR ({left} IS NULL) <> ({right} IS NULL)"
        case Sql():
            return f"NOT ({rule.expression})"
    raise TypeError(f"no condition for {type(rule).__name__}")


def _referenced(rule: ReferentialIntegrity, number: int, other: Table) -> str:
    keys = rule.keys or rule.columns
    selected = ", ".join(f"{_column(key)}::VARCHAR AS k{n}" for n, key in enumerate(keys))
    on = " AND ".join(f"own.{_column(column)}::VARCHAR = r{number}.k{n}" for n, column in enumerate(rule.columns))
    where = f" WHERE {rule.of}" if rule.of else ""
    return f" LEFT JOIN (SELECT DISTINCT {selected}, true AS found FROM {other.sql}{where}) AS r{number} ON {on}"  # noqa: S608


def _summed(rule: Sums, number: int, tables: Mapping[str, Table], own: Table) -> str:
    keys = rule.keys or rule.columns
    selected = ", ".join(f"{_column(key)} AS k{n}" for n, key in enumerate(keys))
    on = " AND ".join(f"own.{_column(column)} = s{number}.k{n}" for n, column in enumerate(rule.columns))
    total = f"{rule.equals} AS total"
    return f" LEFT JOIN (SELECT {selected}, {total} {_from(rule, tables, own)} GROUP BY ALL) AS s{number} ON {on}"


def _histogram(rule: Distribution, where: str) -> str:
    """A map: day, separator, number or name of the bin -> rows."""
    column = _column(rule.column)
    if rule.edges:
        edges = ", ".join(repr(edge) for edge in rule.edges)
        column = f"len(list_filter([{edges}], LAMBDA edge: edge <= {column}))"
    day = f"strftime({_column(rule.time)}, '%Y-%m-%d')"
    known = f"{_column(rule.column)} IS NOT NULL AND {_column(rule.time)} IS NOT NULL"
    return f"histogram({day} || '{BIN_SEPARATOR}' || {column}) FILTER (WHERE {where} AND {known})"


def _all_known(columns: Sequence[str]) -> str:
    return " AND ".join(f"{_column(column)} IS NOT NULL" for column in columns)


def _list(columns: Sequence[str], prefix: str = "") -> str:
    return ", ".join(prefix + _column(column) for column in columns)


def _column(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str | float | None) -> str:
    return repr(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"
