"""The result of a verification: counts per store, and findings by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

ALWAYS_PRESENT = ("log", "lake", "postgres", "dynamodb", "mongo", "redis", "dead_letters")
"""The stores of every environment."""
STORES = (*ALWAYS_PRESENT, "warehouse")
"""All stores, in the order of the report. An environment has the warehouse only after its first build."""
MAX_FINDINGS = 1000

Kind = Literal["lost", "duplicated", "differing"]


class Difference(msgspec.Struct, frozen=True):
    """One differing column of a row, as text. None means null or absent."""

    column: str
    expected: str | None
    found: str | None


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One wrong row.

    Attributes:
        kind: the type of the error.
        table: the table, collection or topic.
        key: the row's key, parts joined by `/`.
        detail: further information, such as the number of copies of a row.
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
    """Comparison of one store with the log, in rows of all its tables (fields and members in Redis).

    Attributes:
        name: one of `STORES`.
        expected: rows in the fold of the log.
        found: rows in the store.
        lost: keys missing from the store.
        duplicated: surplus rows: the second row of a key, or a row without an event.
        differing: keys whose row has wrong content.
        findings: the first `MAX_FINDINGS` of these, in order of the key.
        positions: up to where the log was folded, as JSON: topic -> partition -> next offset. Empty: up to its end.
    """

    name: str
    expected: int
    found: int
    lost: int
    duplicated: int
    differing: int
    findings: tuple[Finding, ...] = ()
    positions: str = ""

    @property
    def wrong(self) -> int:
        """Total number of findings. `findings` contains at most `MAX_FINDINGS` of them."""
        return self.lost + self.duplicated + self.differing

    @property
    def ok(self) -> bool:
        """Whether the store matches the log exactly."""
        return not (self.lost or self.duplicated or self.differing)

    @classmethod
    def total(cls, name: str, parts: list[StoreResult]) -> StoreResult:
        """Combine the results of the tables of a store."""
        return cls(
            name=name,
            expected=sum(part.expected for part in parts),
            found=sum(part.found for part in parts),
            lost=sum(part.lost for part in parts),
            duplicated=sum(part.duplicated for part in parts),
            differing=sum(part.differing for part in parts),
            findings=tuple(finding for part in parts for finding in part.findings)[:MAX_FINDINGS],
        )


class ExplainedRow(msgspec.Struct, frozen=True):
    """One row of a store on both sides.

    Attributes:
        store: name of the store.
        table: the table or collection.
        key: the row's key, parts joined by `/`.
        expected: number of rows in the fold of the log: 0 or 1.
        found: number of rows in the store.
        columns: all columns outside the key, as text; of several rows found, the first.
    """

    store: str
    table: str
    key: str
    expected: int
    found: int
    columns: tuple[Difference, ...]


class ExplainedEvent(msgspec.Struct, frozen=True):
    """One valid event that has the parts of the key among its ids.

    Attributes:
        place: `<topic>-<partition>@<offset>`.
        occurred_at_ms: milliseconds since 1970, UTC.
    """

    place: str
    type: str
    event_id: str
    occurred_at_ms: int


class Explanation(msgspec.Struct, frozen=True):
    """The rows and the events of one key.

    Attributes:
        key: as it was asked for.
        rows: some of each table.
        events: the first, in the order of time.
        event_count: all of them.
    """

    key: str
    rows: tuple[ExplainedRow, ...]
    events: tuple[ExplainedEvent, ...]
    event_count: int


class Report(msgspec.Struct, frozen=True):
    """The result of one verification.

    Attributes:
        stores: the stores that were checked, in the order of `STORES`.
        seconds: duration of the verification.
        hidden: open transactions, each with its owner. Records after them cannot be read.
        explanation: the rows and events of the key that was asked for.
    """

    stores: tuple[StoreResult, ...]
    seconds: float
    hidden: tuple[str, ...] = ()
    explanation: Explanation | None = None

    @property
    def ok(self) -> bool:
        """Whether every store matches the log exactly, and the whole log could be read."""
        return all(store.ok for store in self.stores) and not self.hidden

    @property
    def counts(self) -> dict[str, int]:
        """Rows compared, rows that are wrong, and open transactions. Exact: nothing is wrong or hidden."""
        wrong = sum(store.wrong for store in self.stores)
        return {"rows": sum(store.expected for store in self.stores), "wrong": wrong, "hidden": len(self.hidden)}

    def joined(self, other: Report) -> Report:
        """Return one report of two verifications of different stores."""
        return Report(
            (*self.stores, *other.stores), self.seconds + other.seconds, (*self.hidden, *other.hidden), self.explanation
        )

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
