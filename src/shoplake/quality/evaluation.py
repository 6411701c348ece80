"""Evaluates the checks of one dataset on a workspace, and judges what the statements return."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import duckdb

from shoplake.errors import ShoplakeError
from shoplake.quality import sql
from shoplake.quality.distributions import chi_square, periods, population_stability_index
from shoplake.quality.facts import Facts
from shoplake.quality.results import Outcome, Result
from shoplake.quality.rules.declaration import Check, Distribution, OfRows, ReferentialIntegrity, RowCount, Sql, Sums
from shoplake.quality.workspace import Table, Workspace

SHOWN_KEYS = 5
SPOKEN_ERRORS = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException)
"""Errors about the statement. The text of others may quote a value of a row."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Finding of a check, before it has an outcome.

    Attributes:
        state: `unknown`: something could not be read; `broken`: the check itself is wrong, whatever its severity.
    """

    ok: bool
    measure: float | None
    rows: int | None = None
    failing: int | None = None
    detail: str = ""
    keys: tuple[str, ...] = ()
    state: Literal["judged", "unknown", "broken"] = "judged"


class Evaluation:
    """The checks of one dataset."""

    def __init__(self, workspace: Workspace, facts: Facts) -> None:
        self._workspace = workspace
        self._facts = facts

    def results(self, checks: Sequence[Check]) -> list[Result]:
        """One result for each check, in order. All are of one dataset."""
        try:
            table = self._workspace.table(checks[0].dataset)
        except ShoplakeError as error:
            return [result_of(check, unknown(error.message)) for check in checks]
        found: dict[str, Verdict] = {}
        one_pass: list[Check] = []
        for check in checks:
            verdict = self._refused(check, table)
            if verdict is None and _is_apart(check):
                verdict = self._alone(check, table)
            if verdict is None:
                one_pass.append(check)
            else:
                found[check.name] = verdict
        found |= self._in_one_pass(one_pass, table)
        return [result_of(check, found[check.name], table) for check in checks]

    def _refused(self, check: Check, table: Table) -> Verdict | None:
        """Why a check cannot be evaluated: a column is gone, or another dataset cannot be read."""
        for column in sql.columns_of(check):
            if column not in table.columns:
                return _gone(column, table)
        try:
            for name in _others(check):
                other = self._workspace.table(name)
                keys = getattr(check.rule, "keys", ()) or getattr(check.rule, "columns", ())
                for column in keys if name == getattr(check.rule, "dataset", "") else ():
                    if column not in other.columns:
                        return _gone(column, other)
        except ShoplakeError as error:
            return unknown(error.message)
        rule = check.rule
        if isinstance(rule, Sums) and rule.dataset:
            return _incomparable(table, self._workspace.table(rule.dataset))
        return None

    def _in_one_pass(self, checks: Sequence[Check], table: Table) -> Mapping[str, Verdict]:
        if not checks:
            return {}
        parts = [sql.part(check.rule, n, self._tables(check), table) for n, check in enumerate(checks)]
        try:
            values = iter(self._workspace.rows(sql.statement(table, parts))[0])
        except ShoplakeError as error:
            return {check.name: unknown(error.message) for check in checks}
        except duckdb.Error as error:
            if len(checks) > 1:  # one of them is wrong: the others are not
                return {name: one for check in checks for name, one in self._in_one_pass([check], table).items()}
            return {checks[0].name: _wrong(error)}
        found = {}
        for check, part in zip(checks, parts, strict=True):
            verdict = judged(check, [next(values) for _ in part.aggregates])
            if not verdict.ok and (late := self._behind(check, table)):
                verdict = unknown(f"{verdict.detail}; {late}")
            elif not verdict.ok:
                verdict = replace(verdict, keys=self._keys(check, part, table))
            found[check.name] = verdict
        return found

    def _behind(self, check: Check, table: Table) -> str:
        """Why rows that the check misses may only be late; empty if they are not."""
        if not isinstance(check.rule, ReferentialIntegrity):
            return ""
        other = self._workspace.table(check.rule.dataset)
        if not other.of_store.next_offsets:
            return ""
        late = other.positions.behind(table.of_store.of_topics(other.topics))
        return f"{other.name} is behind {table.name} in {late[0]}, run again when it has caught up" if late else ""

    def _alone(self, check: Check, table: Table) -> Verdict:
        rule = check.rule
        try:
            if isinstance(rule, RowCount):
                return self._reconciled(rule, table)
            assert isinstance(rule, Sql)  # noqa: S101 - as `_is_apart` says
            return self._queried(check, rule, table)
        except ShoplakeError as error:
            return unknown(error.message)
        except duckdb.Error as error:
            return _wrong(error)

    def _reconciled(self, rule: RowCount, table: Table) -> Verdict:
        before = self._workspace.table(rule.dataset)
        other = self._workspace.table(rule.or_in.dataset) if rule.or_in else None
        statement = sql.reconciliation(rule, table, before, other)
        behind = sql.is_behind(before, table) or table.moved
        counted = "problem <> 'unexpected'" if behind else "true"
        names = [f"k{n}" for n in range(len(rule.keys))]
        rows = self._workspace.rows(
            f"WITH problems AS ({statement}) SELECT problem, count(*),"  # noqa: S608
            f" list([{', '.join(f'{name}::VARCHAR' for name in names)}] ORDER BY {', '.join(names)})[:{SHOWN_KEYS}]"
            f" FROM problems WHERE {counted} GROUP BY problem ORDER BY problem"
        )
        ((total,),) = self._workspace.rows(f"SELECT count(*) FROM {table.sql}")  # noqa: S608
        failing = sum(count for _, count, _ in rows)
        shown = [(problem, _as_key(key, table, rule.keys)) for problem, _, keys in rows for key in keys]
        hidden = any(self._facts.is_personal(rule.dataset, key) for key in rule.keys)
        said = ", ".join(f"{count:,} {problem}" for problem, count, _ in rows) or "every one accounted for"
        note = f"; {rule.dataset} is behind, so rows that it lacks were not judged" if behind else ""
        return Verdict(
            not failing,
            float(failing),
            total,
            failing,
            f"{total:,} rows against {rule.dataset}: {said}{note}",
            () if hidden else tuple(f"{problem} {key}" for problem, key in shown[:SHOWN_KEYS]),
        )

    def _queried(self, check: Check, rule: Sql, table: Table) -> Verdict:
        ((failing,),) = self._workspace.rows(f"SELECT count(*) FROM ({rule.query})")  # noqa: S608
        keys: tuple[str, ...] = ()
        if failing:
            names = [str(row[0]) for row in self._workspace.rows(f"DESCRIBE {rule.query}")]
            personal = self._facts.is_personal
            shown = [name for name in names if name in table.columns and not personal(check.dataset, name)]
            if shown:
                selected = ", ".join(f'"{name}"' for name in shown)
                found = self._workspace.rows(f"SELECT {selected} FROM ({rule.query}) ORDER BY ALL LIMIT {SHOWN_KEYS}")  # noqa: S608
                keys = tuple("/".join(map(str, row)) for row in found)
        ((rows,),) = self._workspace.rows(f"SELECT count(*) FROM {table.sql}")  # noqa: S608
        return Verdict(not failing, float(failing), rows, failing, f"{failing:,} rows of the query", keys)

    def _keys(self, check: Check, part: sql.Part, table: Table) -> tuple[str, ...]:
        key = [one for one in self._facts.key(check.dataset) if one in table.columns]
        statement = sql.failing_keys(table, key, check.rule, part, SHOWN_KEYS) if key else ""
        return tuple(_as_key(row, table, key) for row in self._workspace.rows(statement)) if statement else ()

    def _tables(self, check: Check) -> Mapping[str, Table]:
        return {name: self._workspace.table(name) for name in _others(check)}


def result_of(check: Check, verdict: Verdict, table: Table | None = None) -> Result:
    """The result of a check, with its outcome by severity."""
    severity = check.rule.severity
    outcome: Outcome = "passed" if verdict.ok else "warned" if severity == "warn" else "failed"
    if verdict.state != "judged":
        outcome = "unknown" if verdict.state == "unknown" else "failed"
    return Result(
        check.dataset,
        check.name,
        check.kind,
        severity,
        check.owner,
        check.source,
        check.rule.what_to_do,
        outcome,
        verdict.measure,
        verdict.rows,
        verdict.failing,
        verdict.detail,
        verdict.keys,
        *((table.positions, table.snapshot) if table else ()),
    )


def unknown(why: str) -> Verdict:
    """No verdict, because something could not be read."""
    return Verdict(False, None, detail=" ".join(why.split()), state="unknown")


def judged(check: Check, values: Sequence[Any]) -> Verdict:
    """Judge the aggregates of a check's part of the statement."""
    rule = check.rule
    if isinstance(rule, Distribution):
        return _drift(rule, values[0] or {})
    if isinstance(rule, RowCount):
        (rows,) = values
        ok = (rule.min is None or rows >= rule.min) and (rule.max is None or rows <= rule.max)
        bounds = f"{rule.min if rule.min is not None else 0:,} to {f'{rule.max:,}' if rule.max is not None else 'any'}"
        return Verdict(ok, float(rows), rows, 0 if ok else 1, f"{rows:,} rows; expected {bounds}")
    if isinstance(rule, Sums) and rule.dataset and not rule.columns:
        left, right = values
        ok = abs(left - right) <= rule.tolerance
        return Verdict(ok, float(left - right), None, 0 if ok else 1, f"{left:,} here, {right:,} in {rule.dataset}")
    assert isinstance(rule, OfRows)  # noqa: S101 - the other kinds are above
    rows, failing = values
    share = 1.0 if not rows else 1 - failing / rows
    detail = f"{failing:,} of {rows:,} rows fail"
    if rule.at_least < 1:
        detail += f"; {rule.at_least:.2%} have to pass"
    return Verdict(share >= rule.at_least, share, rows, failing, detail)


def _drift(rule: Distribution, counts: Mapping[str, int]) -> Verdict:
    found = periods(counts, sql.BIN_SEPARATOR, rule.current_days, rule.reference_days)
    rows, reference = sum(found.current.values()), sum(found.reference.values())
    if min(rows, reference) < rule.min_rows:
        return Verdict(
            True, None, rows, 0, f"{rows:,} rows and {reference:,} before; {rule.min_rows:,} are needed for a verdict"
        )
    index = population_stability_index(found)
    statistic, p = chi_square(found)
    ok = index <= rule.max_psi and p >= rule.min_p
    bounds = f"at most {rule.max_psi:g}" + (f", p at least {rule.min_p:g}" if rule.min_p else "")
    detail = f"population stability index {index:.4f}, chi-square {statistic:.1f} (p {p:.3g}); expected {bounds}"
    return Verdict(ok, index, rows, 0 if ok else 1, detail)


def _is_apart(check: Check) -> bool:
    """Whether a check needs a statement of its own."""
    rule = check.rule
    return (isinstance(rule, RowCount) and bool(rule.dataset)) or (isinstance(rule, Sql) and bool(rule.query))


def _others(check: Check) -> list[str]:
    rule = check.rule
    names = [getattr(rule, "dataset", ""), *getattr(rule, "uses", ())]
    if isinstance(rule, RowCount) and rule.or_in:
        names.append(rule.or_in.dataset)
    return [name for name in names if name]


def _incomparable(own: Table, other: Table) -> Verdict | None:
    """Sums of two datasets that have read the log up to different places say nothing about either."""
    if sql.before_positions(other, own) != sql.EVERY_ROW:
        if sql.is_behind(other, own) or own.moved:
            return unknown(f"{other.name} is behind {own.name}; run again when it has caught up")
        return None
    mine, theirs = own.positions.next_offsets, other.positions.next_offsets
    shared = mine.keys() & theirs.keys()
    differ = sorted(place for place in shared if mine[place] != theirs[place])
    if differ or own.moved or other.moved:
        place = differ[0] if differ else "a partition"
        return unknown(f"{own.name} and {other.name} have read {place} up to different offsets; run again later")
    return None


def _gone(column: str, table: Table) -> Verdict:
    near = difflib.get_close_matches(column, table.columns, n=1, cutoff=0.5)
    hint = f"; did you mean `{near[0]}`?" if near else f"; it has {', '.join(table.columns)}"
    return Verdict(False, None, detail=f"there is no column `{column}` in {table.name}{hint}", state="broken")


def _wrong(error: duckdb.Error) -> Verdict:
    said = str(error).strip().split("\n\nLINE")[0].split("\nLINE")[0]
    what = " ".join(said.split()) if isinstance(error, SPOKEN_ERRORS) else "a value that it cannot take"
    return Verdict(False, None, detail=f"DuckDB could not evaluate the check: {what}", state="broken")


def _as_key(row: Sequence[object], table: Table, columns: Sequence[str]) -> str:
    if tuple(columns) == ("kafka_partition", "kafka_offset"):
        return f"{sql.topic_of(table)}-{row[0]}@{row[1]}"
    return "/".join("null" if value is None else str(value) for value in row)
