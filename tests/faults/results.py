"""What a run of the faults saw: one line per row and store, written as JSON and as the table of docs/reliability.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

HEADER = (
    "| row | fault | store | faults | events | lost | duplicated | differing | recovered in |\n"
    "|---|---|---|---|---|---|---|---|---|\n"
)


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One store after one row's faults.

    Attributes:
        faults: how many there were.
        events: in the log that the store was compared with.
        lost, duplicated, differing: as `verify` counted them; None where the row has another oracle.
        recover_s: longest time from a fault to the next batch in the store; None where nothing had to recover.
        note: what else is worth a line.
    """

    row: int
    fault: str
    store: str
    faults: int
    events: int
    lost: int | None = None
    duplicated: int | None = None
    differing: int | None = None
    recover_s: float | None = None
    note: str = ""

    def as_markdown(self) -> str:
        recovered = "" if self.recover_s is None else f"{self.recover_s:.1f} s"
        numbers = (self.faults, self.events, self.lost, self.duplicated, self.differing)
        counts = " | ".join("" if number is None else f"{number:,}" for number in numbers)
        fault = f"{self.fault} ({self.note})" if self.note else self.fault
        return f"| {self.row} | {fault} | {self.store} | {counts} | {recovered} |"


@dataclass
class Results:
    """All of one run."""

    tier: str
    seed: int
    seen: list[Seen] = field(default_factory=list)

    def write(self, folder: Path) -> Sequence[Path]:
        """`<tier>-<seed>.json` and `.md`, in the order of the rows."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = sorted(self.seen, key=lambda seen: seen.row)
        document = {"tier": self.tier, "seed": self.seed, "seen": rows}
        table = HEADER + "".join(f"{seen.as_markdown()}\n" for seen in rows)
        json, markdown = (folder / f"{self.tier}-{self.seed}{suffix}" for suffix in (".json", ".md"))
        json.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
        markdown.write_text(table)
        return json, markdown
