"""What a store is made of beside its rows: compared name by name with what it should be made of. Knows no store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from shoplake.verify.report import MAX_FINDINGS, Difference, Finding, StoreResult

TABLE = "structure"
"""Stands in a finding where one about a row has its table."""


def wanted(store: str) -> dict[str, Any]:
    """`structure/<store>.json`: written by hand from docs/data-model.md, not taken from what makes the store."""
    text = resources.files("shoplake.verify").joinpath("structure", f"{store}.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def compared(expected: Mapping[str, str], found: Mapping[str, str]) -> list[Finding]:
    """One finding for each name that is missing, too many, or described otherwise."""
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
    """Something that is there and is not as it should be."""
    return Finding("differing", table, name, columns=(Difference("it", expected, found),))


def result_of(store: str, findings: Sequence[Finding]) -> StoreResult:
    """Findings that are about no row: they count, but nothing is added to the rows expected and found."""
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
