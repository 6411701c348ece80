"""What a verification found: counts per store, and the findings by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

STORES = ("log", "lake", "postgres", "dynamodb", "mongo", "redis", "dead_letters")
MAX_FINDINGS = 1000

Kind = Literal["lost", "duplicated", "differing"]


class Difference(msgspec.Struct, frozen=True):
    """One column of a row that differs, as text; None is null or absent."""

    column: str
    expected: str | None
    found: str | None


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row that is not as it should be.

    Attributes:
        kind: how it is wrong.
        table: the table, collection or topic of the store.
        key: the row's key, parts joined by `/`.
        detail: more than the kind says, such as how often a row is held.
        columns: for a differing row, the columns that differ.
    """

    kind: Kind
    table: str
    key: str
    detail: str = ""
    columns: tuple[Difference, ...] = ()

    def __str__(self) -> str:
        changes = ", ".join(f"{c.column}: expected {_shown(c.expected)}, found {_shown(c.found)}" for c in self.columns)
        notes = "; ".join(note for note in (self.detail, changes) if note)
        return f"{self.kind} {self.table} {self.key}" + (f" ({notes})" if notes else "")


class StoreResult(msgspec.Struct, frozen=True):
    """How one store compares with the log, in rows over all its tables (fields and members in Redis).

    Attributes:
        name: one of `STORES`.
        expected: rows that the fold of the log has.
        found: rows that the store holds.
        lost: keys that the store lacks.
        duplicated: rows that it holds once too often: a key's second row, or a row that no event made.
        differing: keys whose row has another content.
        findings: the first `MAX_FINDINGS` of these, by key.
    """

    name: str
    expected: int
    found: int
    lost: int
    duplicated: int
    differing: int
    findings: tuple[Finding, ...] = ()

    @property
    def wrong(self) -> int:
        """How many findings there are in all, of which `findings` has some."""
        return self.lost + self.duplicated + self.differing

    @property
    def ok(self) -> bool:
        """Whether the store holds exactly what the log says."""
        return not (self.lost or self.duplicated or self.differing)

    @classmethod
    def total(cls, name: str, parts: list[StoreResult]) -> StoreResult:
        """One result for a store of several tables."""
        return cls(
            name=name,
            expected=sum(part.expected for part in parts),
            found=sum(part.found for part in parts),
            lost=sum(part.lost for part in parts),
            duplicated=sum(part.duplicated for part in parts),
            differing=sum(part.differing for part in parts),
            findings=tuple(finding for part in parts for finding in part.findings)[:MAX_FINDINGS],
        )


class Report(msgspec.Struct, frozen=True):
    """The result of one verification.

    Attributes:
        stores: the stores that were checked, in the order of `STORES`.
        seconds: how long it took.
        hidden: open transactions behind which nothing can be read, each with whose it is.
    """

    stores: tuple[StoreResult, ...]
    seconds: float
    hidden: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every store holds exactly what the log says, and all of the log could be read."""
        return all(store.ok for store in self.stores) and not self.hidden

    def as_json(self) -> Mapping[str, Mapping[str, int]]:
        """Store name → its five counts."""
        return {
            store.name: {
                "expected": store.expected,
                "found": store.found,
                "lost": store.lost,
                "duplicated": store.duplicated,
                "differing": store.differing,
            }
            for store in self.stores
        }

    def findings_as_json(self) -> Mapping[str, list[object]]:
        """Store name → its findings, for the stores that have any."""
        return {store.name: [msgspec.to_builtins(f) for f in store.findings] for store in self.stores if store.findings}


def _shown(value: str | None) -> str:
    return "null" if value is None else repr(value) if len(value) <= 60 else repr(value[:57] + "…")
