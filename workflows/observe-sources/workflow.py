"""Observes the datasets that have an objective of freshness, as `shoplake freshness` does."""

from __future__ import annotations

from shoplake.orchestration.workflow import Context, Result, step


@step()
def observe(context: Context) -> Result:
    """Compare the age of each dataset with its objective, by the positions up to which it has read the log."""
    from shoplake.orchestration.shared_steps.quality import notes
    from shoplake.quality.freshness import ages
    from shoplake.quality.map_facts import facts_of

    found = ages.ages(context.settings(), context.environment, facts_of({}), context.say)
    for one in found:
        measured = {"event_time_s": one.event_time_s, "arrival_s": one.arrival_s}
        known = {name: round(age, 3) for name, age in measured.items() if age is not None}
        context.observed(one.dataset, one.positions.as_json() if known else "", **known, problem=one.problem)
    context.checks += notes(result for one in found for result in one.results())
    late = [check.dataset for check in context.checks if not check.passed and check.severe]
    return {"datasets": len(found), "late": late}
