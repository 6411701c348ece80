"""What a plan costs: sums that a person can check, and what is told of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shoplake.errors import InfraError, UsageError
from shoplake.infra import cost, cost_report, environments
from shoplake.infra.plan_json import Plan


def plan(**resources: dict[str, Any]) -> Plan:
    changes = [
        {
            "address": address.replace("__", "."),
            "mode": "managed",
            "type": address.split("__")[0],
            "name": address.split("__")[1],
            "change": {"actions": ["create"], "after": values},
        }
        for address, values in resources.items()
    ]
    return Plan({"resource_changes": changes})


POSTGRES = {"instance_class": "db.t4g.medium", "allocated_storage": 100, "multi_az": False}
STOPPED = {"target": [{"arn": "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance"}]}


def test_an_instance_costs_its_hours_and_its_disk() -> None:
    line = cost.estimate(plan(aws_db_instance__this=POSTGRES)).lines[0]
    assert line.fixed == pytest.approx(730 * 0.065 + 100 * 0.115)
    assert line.total.low == line.total.high


def test_a_standby_costs_as_much_again() -> None:
    one = cost.estimate(plan(aws_db_instance__this=POSTGRES)).total.expected
    two = cost.estimate(plan(aws_db_instance__this=POSTGRES | {"multi_az": True})).total.expected
    assert two == pytest.approx(2 * one)


def test_a_schedule_leaves_65_of_a_weeks_168_hours_to_pay() -> None:
    found = plan(aws_db_instance__this=POSTGRES, aws_scheduler_schedule__this=STOPPED)
    compute = 730 * 0.065
    assert cost.estimate(found).total.expected == pytest.approx(compute * 65 / 168 + 100 * 0.115)
    assert cost.saved_at_night(found) == pytest.approx(compute * 103 / 168)
    assert cost.saved_at_night(plan(aws_db_instance__this=POSTGRES)) == 0
    assert "saves 29.09 USD" in cost_report.table("dev", found)


TASK = {
    "cpu": "1024",
    "memory": "4096",
    "runtime_platform": [{"cpu_architecture": "ARM64"}],
    "ephemeral_storage": [{"size_in_gib": 30}],
}


def test_a_fargate_task_costs_its_cpu_its_memory_and_its_disk_and_less_with_a_schedule() -> None:
    always = {"aws_ecs_service__this": {"desired_count": 1}, "aws_ecs_task_definition__this": TASK}
    found = cost.estimate(plan(**always))
    hourly = 0.03238 + 4 * 0.00356 + 10 * 0.000111
    assert found.total.expected == pytest.approx(730 * hourly)
    assert found.unpriced == ()

    at_night = cost.estimate(plan(**always, aws_appautoscaling_scheduled_action__stop={}))
    assert at_night.total.expected == pytest.approx(730 * hourly * 65 / 168)


def test_use_is_told_apart_low_expected_and_high_with_its_assumptions() -> None:
    found = plan(aws_s3_bucket__raw={})
    total = cost.estimate(found).total
    assert (total.low, total.expected, total.high) == pytest.approx((0.73, 7.3, 73.0))
    text = cost_report.table("dev", found)
    assert "aws_s3_bucket: s3 standard GB: 10, 100, 1000" in text
    assert "as known in October 2025" in text
    assert str(cost.prices()["date"]) in text


def test_what_has_no_price_is_told_and_not_left_out_in_silence() -> None:
    found = plan(aws_mystery__this={}, aws_db_instance__this=POSTGRES | {"instance_class": "db.x9.huge"})
    assert cost.estimate(found).unpriced == ("aws_mystery.this", "aws_db_instance.this (no price of db.x9.huge)")
    assert "not priced: aws_mystery.this" in cost_report.table("dev", found)


def test_a_document_cluster_is_storage_and_requests_and_names_its_secret() -> None:
    managed = cost.estimate(plan(aws_docdb_cluster__this={"manage_master_user_password": True})).lines[0]
    plain = cost.estimate(plan(aws_docdb_cluster__this={"manage_master_user_password": None})).lines[0]
    assert managed.why == "storage and requests by use, and a secret"
    assert (managed.fixed, plain.fixed, plain.why) == (0.4, 0, "storage and requests by use")


def test_what_is_paid_by_use_says_so() -> None:
    for kind in ("aws_athena_workgroup", "aws_cloudwatch_log_group", "aws_docdb_cluster", "aws_s3_bucket"):
        assert "by use" in cost.estimate(plan(**{f"{kind}__this": {}})).lines[0].why


@pytest.mark.parametrize(("name", "message"), [("local", "costs nothing"), ("prdo", "unknown environment 'prdo'")])
def test_an_environment_without_a_price_is_refused_by_name(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        environments.refuse_emulated(name)


def test_a_difference_names_what_changed() -> None:
    before = plan(aws_db_instance__this=POSTGRES, aws_kms_key__this={})
    after = plan(aws_db_instance__this=POSTGRES | {"multi_az": True}, aws_kms_key__this={})
    text = cost_report.difference(before, after)
    assert "+58.95  aws_db_instance.this" in text
    assert "aws_kms_key" not in text


def test_a_total_over_the_limit_is_refused() -> None:
    found = plan(aws_db_instance__this=POSTGRES)
    with pytest.raises(InfraError, match=r"'dev' costs an estimated 58\.95 USD per month, above the limit of 50\.00"):
        cost_report.refuse_over("dev", found, 50)
    cost_report.refuse_over("dev", found, 60)


def test_json_holds_the_same_figures() -> None:
    told = json.loads(cost_report.as_json(plan(aws_db_instance__this=POSTGRES)))
    assert told["total"] == {"low": 58.95, "expected": 58.95, "high": 58.95}
    assert told["lines"][0]["address"] == "aws_db_instance.this"


@pytest.mark.parametrize("text", ["{}", "nonsense"])
def test_a_file_that_is_no_plan_is_a_usage_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(UsageError, match="JSON"):
        cost_report.read(tmp_path / "plan.json")
