"""Compare the structure of a store (tables, columns, indexes) with the expected structure, name by name."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from shoplake.verify.report import MAX_FINDINGS, Difference, Finding, StoreResult

TABLE = "structure"
"""Value of `Finding.table` for a finding about the structure."""


def wanted(store: str) -> dict[str, Any]:
    """Load `structure/<store>.json`. It is written by hand from docs/data-model.md, not generated from the sink."""
    text = resources.files("shoplake.verify").joinpath("structure", f"{store}.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def compared(expected: Mapping[str, str], found: Mapping[str, str]) -> list[Finding]:
    """Return one finding for each missing, surplus or differing name."""
    findings = []
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            findings.append(Finding("lost", TABLE, name, detail=f"expected {expected[name]}"))
        elif name not in expected:
            findings.append(Finding("duplicated", TABLE, name, detail=f"not of shoplake: {found[name]}"))
        elif expected[name] != found[name]:
            findings.append(differing(name, expected[name], found[name]))
    return findings


def differing(name: str, expected: str | None, found: str | None, *, table: str = TABLE) -> Finding:
    """Return a finding for an object that exists but differs."""
    return Finding("differing", table, name, columns=(Difference("it", expected, found),))


def result_of(store: str, findings: Sequence[Finding]) -> StoreResult:
    """Convert findings about the structure to a result. They do not change the counts of rows."""
    kinds = Counter(finding.kind for finding in findings)
    return StoreResult(
        name=store,
        expected=0,
        found=0,
        lost=kinds["lost"],
        duplicated=kinds["duplicated"],
        differing=kinds["differing"],
        findings=tuple(findings[:MAX_FINDINGS]),
    )
