"""The kinds of checks, with the names that Deequ gave them, as the sections of a YAML file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from shopsim.scenario.section_types import Section, Share

Severity = Literal["warn", "error"]
Text = Annotated[str, Meta(min_length=1, max_length=4000)]
Columns = Annotated[tuple[Text, ...], Meta(min_length=1, max_length=20)]
Positive = Annotated[float, Meta(gt=0)]
Days = Annotated[int, Meta(ge=1, le=3650)]


class Declared(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys of every check.

    Attributes:
        name: unique within the dataset; made of the kind and the columns if empty.
        where: SQL condition; only rows that meet it are checked.
        severity: whether a failure is a warning or an error.
        owner: who is asked; the owner of the dataset if empty.
        what_to_do: advice for the person who sees the failure.
    """

    name: str = ""
    where: str = ""
    severity: Severity = "error"
    owner: str = ""
    what_to_do: Text


class OfRows(Declared, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A check of each row. `at_least` is the share of rows that have to pass."""

    at_least: Share = 1.0


class Completeness(OfRows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The columns are not null."""

    columns: Columns


class Uniqueness(OfRows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The columns together identify one row. Rows with a null in one of them do not count."""

    columns: Columns


class Range(OfRows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number, or a time as text, is within bounds, which are allowed values."""

    column: Text
    min: float | str | None = None
    max: float | str | None = None


class SetMembership(OfRows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A value is one of a set."""

    column: Text
    values: Annotated[tuple[str | int, ...], Meta(min_length=1, max_length=1000)]


class Pattern(OfRows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole text matches a regular expression (RE2)."""

    column: Text
    pattern: Text


class ReferentialIntegrity(OfRows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The columns are the key of a row of another dataset, which may be in another store.

    Attributes:
        columns: rows with a null in one of them do not count.
        dataset: the other dataset.
        keys: its columns, in the order of `columns`; the same names if empty.
        of: SQL condition on rows of `dataset`; others do not count as its rows.
    """

    columns: Columns
    dataset: Text
    keys: tuple[Text, ...] = ()
    of: str = ""


class RowCount(Declared, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The number of rows is within bounds, or each row of the stage before is accounted for.

    Attributes:
        min: least number of rows.
        max: greatest number of rows.
        dataset: the stage before. Of it only rows before the positions of this dataset are expected.
        keys: the columns of `dataset` whose distinct values are one row here.
        columns: the columns here that hold these keys; the same names if empty.
        of: SQL condition on rows of `dataset`; others are not expected here.
        copies: column here with the number of rows of `dataset` that the row stands for.
        or_in: another dataset that holds rows of `dataset` which are not here.
    """

    min: Annotated[int, Meta(ge=0)] | None = None
    max: Annotated[int, Meta(ge=0)] | None = None
    dataset: str = ""
    keys: tuple[Text, ...] = ()
    columns: tuple[Text, ...] = ()
    of: str = ""
    copies: str = ""
    or_in: OrIn | None = None


class OrIn(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where else rows may be, such as dead letters."""

    dataset: Text
    columns: Columns
    where: str = ""


class Sums(OfRows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number equals a sum: of other columns of the row, or of rows of another dataset.

    Attributes:
        expression: SQL over a row here; an aggregate if there is a `dataset` and no `keys`.
        equals: SQL over the same row; with a `dataset`, an aggregate over the rows of that.
        dataset: the other dataset. Of a stage before, only rows before the positions of this dataset count.
        columns: the columns here that identify the rows of `dataset` to sum.
        keys: the columns of `dataset`, in the order of `columns`; the same names if empty.
        of: SQL condition on rows of `dataset`.
        tolerance: greatest difference.
    """

    expression: Text
    equals: Text
    dataset: str = ""
    columns: tuple[Text, ...] = ()
    keys: tuple[Text, ...] = ()
    of: str = ""
    tolerance: Annotated[float, Meta(ge=0)] = 0.0


class Distribution(Declared, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The newest days have the distribution of the days before them.

    Attributes:
        column: categories; with `edges`, a number.
        time: column whose newest value is the end of the current period.
        current_days: length of the current period.
        reference_days: length of the period before it.
        edges: ascending bounds of the bins of a number; below the first and from the last on are bins too.
        max_psi: greatest population stability index; 0.25 is the field's bound for a large change.
        min_p: least p-value of the chi-square test; not tested if 0, because large tables make any change significant.
        min_rows: with fewer rows in a period there is no verdict, and the check passes.
    """

    column: Text
    time: Text
    current_days: Days = 7
    reference_days: Days = 28
    edges: tuple[float, ...] = ()
    max_psi: Positive = 0.25
    min_p: Share = 0.0
    min_rows: Annotated[int, Meta(ge=1)] = 200


class Sql(OfRows, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Any condition.

    Attributes:
        expression: SQL that is true for a row that passes; null passes.
        query: a statement that returns one row for each failure, instead of `expression`. Its first columns are shown
            as the failing key, so they must be ids.
        uses: the other datasets that `query` reads.
    """

    expression: str = ""
    query: str = ""
    uses: tuple[Text, ...] = ()


KINDS: dict[str, type[Declared]] = {
    "completeness": Completeness,
    "uniqueness": Uniqueness,
    "range": Range,
    "set_membership": SetMembership,
    "pattern": Pattern,
    "referential_integrity": ReferentialIntegrity,
    "row_count": RowCount,
    "sums": Sums,
    "distribution": Distribution,
    "sql": Sql,
}
_NAME_OF: dict[type, str] = {kind: name for name, kind in KINDS.items()}
Source: TypeAlias = Literal["declared", "contract", "dbt", "freshness"]


@dataclass(frozen=True, slots=True)
class Check:
    """A check of one dataset.

    Attributes:
        dataset: `<system>.<name>`.
        name: unique within the dataset.
        rule: what is checked.
        owner: who is asked.
        source: where the check is declared.
    """

    dataset: str
    name: str
    rule: Declared
    owner: str
    source: Source

    @property
    def kind(self) -> str:
        """The name of the kind, as in YAML."""
        return _NAME_OF[type(self.rule)]


def default_name(kind: str, rule: Declared) -> str:
    """A name from the kind and the columns: `range(rating)`."""
    columns = getattr(rule, "columns", ()) or ((rule.column,) if hasattr(rule, "column") else ())
    other = getattr(rule, "dataset", "")
    inside = ", ".join(columns) or getattr(rule, "expression", "") or getattr(rule, "query", "")[:60]
    return f"{kind}({inside}{' -> ' if inside and other else ''}{other})"
