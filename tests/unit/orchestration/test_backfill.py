"""A backfill has one run per day, and refuses a range or a workflow that cannot be run by day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from shoplake.errors import UsageError, WorkflowError
from shoplake.orchestration import backfill, config, locks, registry

from .conftest import CONFIG, Write

TODAY = dt.date(2026, 9, 10)
BY_DAY = """
description: For a test.
owner: test
schedule: "0 6 * * *"
partition: day
parameters:
  day: {type: date, default: yesterday, description: Day.}
  table: {type: text, default: rates, description: Table.}
"""


def test_both_ends_are_in_the_range() -> None:
    assert backfill.days_between("2026-08-31", "2026-09-01", TODAY) == ["2026-08-31", "2026-09-01"]
    assert backfill.days_between("2026-09-09", "2026-09-09", TODAY) == ["2026-09-09"]


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2026-09-02", "2026-09-01", "--from 2026-09-02 is after --to 2026-09-01"),
        ("yesterday", "2026-09-01", "--from: expected a day such as"),
        ("2026-09-01", "2026-02-30", "--to: expected a day such as"),
        ("2026-09-01", "2026-09-10", "at the latest 2026-09-09"),
        ("1026-09-01", "2026-09-01", "at most 3,660 days"),
    ],
)
def test_a_range_that_is_not_valid_is_refused(first: str, last: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        backfill.days_between(first, last, TODAY)


def test_each_day_has_its_parameters(write: Write) -> None:
    workflow = registry.load(write("rates", BY_DAY))

    assert backfill.parameters_by_day(workflow, ["2026-09-01"], {"table": "other"}) == {
        "2026-09-01": {"day": "2026-09-01", "table": "other"}
    }
    with pytest.raises(UsageError, match="--config day: a backfill sets it"):
        backfill.parameters_by_day(workflow, ["2026-09-01"], {"day": "2026-09-02"})


def test_a_workflow_without_a_partition_has_no_backfill(write: Write) -> None:
    with pytest.raises(UsageError, match="no `partition`"):
        backfill.parameters_by_day(registry.load(write("plain")), ["2026-09-01"], {})


@pytest.mark.parametrize(
    "added",
    [
        "partition: day\n",
        "partition: table\nparameters:\n  table: {type: text, default: a, description: Table.}\n",
    ],
)
def test_a_partition_has_to_name_a_parameter_of_type_date(write: Write, added: str) -> None:
    with pytest.raises(WorkflowError, match=r"config.yaml:3.*partition.*type date"):
        registry.load(write("wrong", CONFIG.lstrip() + added))


def test_only_the_partition_can_default_to_yesterday(write: Write) -> None:
    with pytest.raises(WorkflowError, match=r"parameters\.day\.default"):
        registry.load(write("wrong", BY_DAY.replace("partition: day", "")))

    workflow = registry.load(write("right", BY_DAY))
    before = config.day_before(dt.datetime.now(dt.UTC))
    given = config.values("right", workflow.config.parameters, {})
    assert given["day"] in (before, config.day_before(dt.datetime.now(dt.UTC)))  # midnight may lie between


def test_runs_for_other_days_do_not_exclude_each_other(write: Write) -> None:
    workflow: Any = registry.load(write("rates", BY_DAY))

    names = {locks.name_of(workflow, {"day": day}) for day in ("2026-09-01", "2026-09-02")}
    assert len(names) == 2
    assert locks.name_of(registry.load(write("plain")), {}) == "plain"
