"""What a dry run says is what a run makes: exactly where it is small, about where it is large."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.example_counts import examples

import shopsim
from shoplake.errors import UsageError
from shoplake.publish.estimate import forecast
from shoplake.publish.run import Run, end_of

DAYS = 30


@pytest.fixture(scope="module")
def scenario() -> shopsim.Scenario:
    """A shop that grows, in many lanes, with faults that make records more."""
    definition = shopsim.load_scenario("demo").to_dict() | {"lanes": 32, "window_hours": 48}
    definition["customers"] |= {"initial": 300, "signups_per_day": 20}
    definition["faults"]["rates"] = {"clicks": {"duplicated": 0.02, "late": 0.02}}
    return shopsim.scenario_from_dict(definition)


@pytest.fixture(scope="module")
def run(scenario) -> Run:
    return Run(scenario, 3, None, until_ms=end_of(scenario, DAYS))


@pytest.fixture(scope="module")
def made(run) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {"records": Counter(), "size_bytes": Counter(), "faults": Counter()}
    for window in run.stream():
        for (topic,), rows in window.rows.partition_by("topic", as_dict=True).items():
            counts["records"][topic] += rows.height
            counts["size_bytes"][topic] += sum(len(value) + 1 for value in rows["value"])
            counts["faults"][topic] += len(rows["fault"].drop_nulls())
    return counts


def test_a_small_run_is_counted(run, made):
    said = forecast(run)
    assert (said.exact, said.lanes, said.share) == (True, 32, 1)
    assert (said.records, said.size_bytes, said.faults) == (made["records"], made["size_bytes"], made["faults"])
    assert said.days == pytest.approx(DAYS, abs=0.1)


@pytest.mark.parametrize(
    ("budget", "off"), examples([(5_000, 0.3), (20_000, 0.2)], [(5_000, 0.3), (20_000, 0.2), (30_000, 0.15)])
)
def test_a_large_run_is_estimated_from_some_lanes(run, made, budget, off):
    assert made["records"].total() > 2 * budget
    said = forecast(run, budget)
    assert not said.exact
    assert said.lanes < 32
    assert sum(said.records.values()) == pytest.approx(made["records"].total(), rel=off)
    assert said.size_bytes["clicks"] == pytest.approx(made["size_bytes"]["clicks"], rel=off)
    assert said.faults["clicks"] == pytest.approx(made["faults"]["clicks"], rel=off + 0.1)
    assert said.days == pytest.approx(DAYS, rel=0.02)


def test_an_estimate_gives_events_and_duration(scenario, made):
    events = made["records"].total()
    said = forecast(Run(scenario, 3, events), budget=10_000)
    assert sum(said.records.values()) == pytest.approx(events, rel=0.001)
    assert said.days == pytest.approx(DAYS, rel=0.15)


def test_unselected_topics_are_not_counted_and_cost_no_time(scenario, run, made, monkeypatch):
    simulated = []
    stream = shopsim.stream

    def counted(*args, **kwargs):
        for window in stream(*args, **kwargs):
            simulated.append(window.rows.height)
            yield window

    monkeypatch.setattr(shopsim, "stream", counted)
    said = forecast(Run(scenario, 3, None, until_ms=run.until_ms, topics=("reviews",)), budget=20_000)
    assert said.records.keys() == {"reviews"}
    assert said.records["reviews"] == pytest.approx(made["records"]["reviews"], rel=0.5)
    assert sum(simulated) < 3 * 20_000


def test_an_endless_run_has_no_estimate(scenario):
    with pytest.raises(UsageError, match="without an end"):
        forecast(Run(scenario, 3, None))
