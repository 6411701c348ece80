"""Format the cost of a plan as text or JSON. The estimate itself is in cost.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from shoplake.errors import TooExpensive, UsageError
from shoplake.infra import cost
from shoplake.infra.plan_json import Plan

SMALLEST_USD = 0.5  # cheaper resources are summed in one line


def table(environment: str, plan: Plan) -> str:
    """Return one line per resource, most expensive first, the total, the saving of a schedule, and the assumptions."""
    return "\n".join(_lines(environment, plan))


def difference(before: Plan, after: Plan) -> str:
    """Return the cost changes between two plans, and their total."""
    changed = cost.difference(cost.estimate(before), cost.estimate(after))
    lines = [f"{amount:>+10.2f}  {address}" for address, amount in changed]
    total = sum(amount for _, amount in changed)
    return "\n".join([*lines, f"{total:>+10.2f}  total, expected USD per month"])


def as_json(plan: Plan) -> str:
    """Return lines and total as JSON, in US dollars per month."""
    found = cost.estimate(plan)
    lines = [
        {"address": line.address, "fixed": round(line.fixed, 2), **_money(line.total), "why": line.why}
        for line in found.lines
    ]
    return json.dumps({"lines": lines, "total": _money(found.total), "unpriced": list(found.unpriced)})


def read(path: Path) -> Plan:
    """Read a plan from its JSON file.

    Raises:
        UsageError: the file is missing or is not a plan.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} is not JSON: {error}", fix="use the plan.json of an earlier dry run") from error
    if not isinstance(content, dict) or "resource_changes" not in content:
        raise UsageError(f"{path} is not the JSON of a plan", fix="use the plan.json of an earlier dry run")
    return Plan(content)


def refuse_over(environment: str, plan: Plan, limit_usd: float) -> None:
    """Raise TooExpensive if the expected total is above the limit."""
    expected = cost.estimate(plan).total.expected
    if expected > limit_usd:
        raise TooExpensive(
            f"'{environment}' costs an estimated {expected:.2f} USD per month, above the limit of {limit_usd:.2f}",
            fix="reduce the resources in its terraform.tfvars, or raise --fail-over",
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
