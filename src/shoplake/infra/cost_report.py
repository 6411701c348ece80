"""The cost of a plan as text for a person, or JSON for a program. Prices nothing itself (see cost.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from shoplake.errors import TooExpensive, UsageError
from shoplake.infra import cost
from shoplake.infra.plan_json import Plan

SMALLEST_USD = 0.5  # what costs less is summed up in one line


def table(environment: str, plan: Plan) -> str:
    """A line per resource, dearest first, the total, what a schedule saves, and the assumptions."""
    return "\n".join(_lines(environment, plan))


def difference(before: Plan, after: Plan) -> str:
    """What changed between two plans, and by how much in all."""
    changed = cost.difference(cost.estimate(before), cost.estimate(after))
    lines = [f"{amount:>+10.2f}  {address}" for address, amount in changed]
    total = sum(amount for _, amount in changed)
    return "\n".join([*lines, f"{total:>+10.2f}  in all, USD a month as expected"])


def as_json(plan: Plan) -> str:
    """Lines and total, in US dollars a month."""
    found = cost.estimate(plan)
    lines = [
        {"address": line.address, "fixed": round(line.fixed, 2), **_money(line.total), "why": line.why}
        for line in found.lines
    ]
    return json.dumps({"lines": lines, "total": _money(found.total), "unpriced": list(found.unpriced)})


def read(path: Path) -> Plan:
    """A plan from its JSON file.

    Raises:
        UsageError: there is none, or it is no plan's.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is no JSON: {error}", fix="give the plan.json of an earlier dry run") from error
    if not isinstance(content, dict) or "resource_changes" not in content:
        raise UsageError(f"{path} is not the JSON of a plan", fix="give the plan.json of an earlier dry run")
    return Plan(content)


def refuse_over(environment: str, plan: Plan, limit_usd: float) -> None:
    """Raises InfraError when the expected total is over a limit."""
    expected = cost.estimate(plan).total.expected
    if expected > limit_usd:
        raise TooExpensive(
            f"'{environment}' is expected to cost {expected:.2f} USD a month, over the limit of {limit_usd:.2f}",
            fix="plan less in its terraform.tfvars, or raise --fail-over",
        )


def _lines(environment: str, plan: Plan) -> Iterator[str]:
    found, prices = cost.estimate(plan), cost.prices()
    yield f"{'low':>9} {'expected':>9} {'high':>9}  USD a month"
    small = [line for line in found.lines if line.total.high < SMALLEST_USD]
    for line in found.lines:
        if line not in small:
            yield f"{_amounts(line.total)}  {line.address}  ({line.why})"
    yield f"{_amounts(sum((line.total for line in small), cost.Money(0, 0, 0)))}  {len(small)} resources of small cost"
    yield f"{_amounts(found.total)}  {environment}, in all"
    for address in found.unpriced:
        yield f"not priced: {address}"
    saved = cost.saved_at_night(plan)
    if saved:
        yield f"stopping Postgres at night and at weekends saves {saved:.2f} USD a month, which is counted already"
    yield f"prices: {prices['region']}, {prices['date']}; {prices['source']}"
    yield "assumed use a month, by resource (low, expected, high):"
    for kind, assumed in prices["assumed"].items():
        for unit, amount in assumed.items():
            yield f"  {kind}: {unit}: {amount['low']}, {amount['expected']}, {amount['high']}"


def _amounts(money: cost.Money) -> str:
    return f"{money.low:>9.2f} {money.expected:>9.2f} {money.high:>9.2f}"


def _money(money: cost.Money) -> dict[str, float]:
    return {level: round(getattr(money, level), 2) for level in ("low", "expected", "high")}
