"""Summarise a plan in a few lines: resources by module and type. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass

from shoplake.infra.plan_json import Plan

WIDTH = 80
"""Columns that a line may take: a terminal's, and a log's."""


@dataclass(frozen=True, slots=True)
class ModuleSummary:
    """Number of resources of a module, and their types, most frequent first."""

    module: str
    resources: int
    types: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind.removeprefix('aws_')}" for kind, count in self.types)
        return textwrap.fill(
            kinds,
            WIDTH,
            initial_indent=f"{self.module:<14} {self.resources:>4}  ",
            subsequent_indent=" " * 21,
            break_long_words=False,
            break_on_hyphens=False,
        )


def by_module(plan: Plan) -> tuple[ModuleSummary, ...]:
    """Return one summary per module with resources, sorted by name."""
    kinds: dict[str, Counter[str]] = {}
    for resource in plan.resources:
        kinds.setdefault(".".join(resource.module) or "(root)", Counter())[resource.type] += 1
    return tuple(
        ModuleSummary(module=module, resources=found.total(), types=tuple(found.most_common()))
        for module, found in sorted(kinds.items())
    )


def actions(plan: Plan) -> Counter[str]:
    """Count the resources by action: create, update, replace, delete or no change."""
    names: dict[tuple[str, ...], str] = {
        ("no-op",): "unchanged",
        ("create",): "add",
        ("update",): "change",
        ("delete",): "destroy",
    }
    return Counter(names.get(one.actions, "replace") for one in plan.changes if one.mode == "managed")
