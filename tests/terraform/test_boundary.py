"""The boundary that a bootstrap makes covers what the roles of its environment are given, and nothing more."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

import pytest

from shoplake.infra import environments, guards
from shoplake.infra.dry_run import DryRun
from shoplake.infra.plan_json import Plan, Resource

Planned = Callable[[str], DryRun]
Statement = dict[str, Any]

# What only AWS can name is a key, a secret that AWS keeps, or a database's user.
DRAWN_BY_AWS = {"kms": "key/1", "secretsmanager": "secret:rds!1", "rds-db": "dbuser:db-1/shoplake_app"}
# Used by AWS's own policy for enhanced monitoring, of which the plan holds no text.
OF_AWS = frozenset({"ReportOperatingSystems"})

# How each kind of what holds data is deleted, or made unreadable.
DELETES_DATA = {
    "aws_db_instance": {"rds:DeleteDBInstance"},
    "aws_docdb_cluster": {"rds:DeleteDBCluster"},
    "aws_dynamodb_table": {"dynamodb:DeleteTable"},
    "aws_elasticache_replication_group": {"elasticache:DeleteReplicationGroup"},
    "aws_glue_catalog_database": {"glue:DeleteDatabase", "glue:DeleteTable"},
    "aws_kms_key": {"kms:DisableKey", "kms:ScheduleKeyDeletion"},
    "aws_msk_cluster": {"kafka:DeleteCluster"},
    "aws_msk_serverless_cluster": {"kafka:DeleteCluster"},
    "aws_s3_bucket": {"s3:DeleteBucket", "s3:DeleteObjectVersion"},
    "aws_secretsmanager_secret": {"secretsmanager:DeleteSecret"},
}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements(resource: Resource) -> list[Statement]:
    found: list[Statement] = json.loads(resource.values["policy"])["Statement"]
    return found


def named(plan: Plan, suffix: str) -> list[Statement]:
    return next(statements(one) for one in plan.of_type("aws_iam_policy") if one.values["name"].endswith(suffix))


def given(plan: Plan) -> Iterator[tuple[str, str]]:
    """(action, resource) pairs of every role; where only AWS can name the resource, one as it would be."""
    for policy in plan.of_type("aws_iam_policy", "aws_iam_role_policy"):
        for statement in statements(policy) if policy.get("policy") else []:
            yield from product(listed(statement["Action"]), listed(statement["Resource"]))
    for document in plan.data("aws_iam_policy_document"):
        for statement in document.values["statement"]:
            for action in statement["actions"]:
                service = action.partition(":")[0]
                drawn = f"arn:aws:{service}:us-east-1:111111111111:{DRAWN_BY_AWS.get(service, 'unknown')}"
                yield from ((action, resource or drawn) for resource in statement.get("resources") or [drawn])


def covered(boundary: list[Statement], action: str, resource: str) -> bool:
    return any(
        action in statement["Action"] and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        for statement in boundary
    )


def uncovered(boundary: list[Statement], plan: Plan) -> set[tuple[str, str]]:
    return {(action, resource) for action, resource in given(plan) if not covered(boundary, action, resource)}


def test_the_boundary_allows_every_permission_of_the_roles(planned: Planned) -> None:
    boundary, dev = named(planned(environments.BOOTSTRAP).plan, "-boundary"), planned("dev").plan
    assert len({action for action, _ in given(dev)}) > 40
    assert uncovered(boundary, dev) == set()


def test_every_statement_of_the_boundary_is_needed(planned: Planned) -> None:
    boundary, dev = named(planned(environments.BOOTSTRAP).plan, "-boundary"), planned("dev").plan
    for needed in boundary:
        if needed["Sid"] not in OF_AWS:
            assert uncovered([one for one in boundary if one is not needed], dev), needed["Sid"]


def test_some_role_has_every_action_of_the_boundary(planned: Planned) -> None:
    boundary, dev = named(planned(environments.BOOTSTRAP).plan, "-boundary"), planned("dev").plan
    used = {action for action, _ in given(dev)}
    for statement in boundary:
        if statement["Sid"] not in OF_AWS:
            assert set(statement["Action"]) <= used, statement["Sid"]


def may(plan: Plan, role: str) -> list[Statement]:
    """What one of GitHub's roles may do."""
    attached = {
        one.index.removeprefix(f"{role}-")
        for one in plan.of_type("aws_iam_role_policy_attachment")
        if one.index.startswith(f"{role}-")
    }
    policies = [one for one in plan.of_type("aws_iam_policy") if one.index in attached]
    return [statement for policy in policies for statement in statements(policy)]


def test_a_workflow_that_applies_cannot_delete_data(planned: Planned) -> None:
    assert DELETES_DATA.keys() == guards.STATEFUL
    allowed = [
        (action, one["Resource"])
        for one in may(planned(environments.BOOTSTRAP).plan, "apply")
        for action in one["Action"]
    ]
    deleting = [(action, on) for action, on in allowed if action in set().union(*DELETES_DATA.values())]

    # An instance of DocumentDB holds no data, its cluster does.
    documents = "arn:aws:rds:us-east-1:111111111111:db:shoplake-dev-documents-*"
    assert deleting == [("rds:DeleteDBInstance", [documents])]
    assert "dynamodb:CreateTable" in {action for action, _ in allowed}


def names_of_the_bootstrap(plan: Plan) -> list[str]:
    """ARNs of what must be out of a workflow's reach."""
    return [
        *(f"arn:aws:iam::111111111111:policy/{one.values['name']}" for one in plan.of_type("aws_iam_policy")),
        *(f"arn:aws:iam::111111111111:role/{one.values['name']}" for one in plan.of_type("aws_iam_role")),
        *(f"arn:aws:kms:us-east-1:111111111111:{one.values['name']}" for one in plan.of_type("aws_kms_alias")),
        "arn:aws:s3:::shoplake-state-access-logs-111111111111/state/1",
    ]


def test_resources_of_the_bootstrap_are_not_leftovers_of_an_environment(planned: Planned) -> None:
    plan = planned(environments.BOOTSTRAP).plan
    assert not [arn for arn in names_of_the_bootstrap(plan) if "shoplake-dev-" in arn]
    tags = [one.values["tags_all"] for one in plan.resources if one.get("tags_all")]
    assert {one["environment"] for one in tags} == {"dev-bootstrap"}


@pytest.mark.parametrize("role", ["plan", "apply"])
def test_a_workflow_reaches_only_the_state_of_the_bootstrap(planned: Planned, role: str) -> None:
    plan = planned(environments.BOOTSTRAP).plan
    own = names_of_the_bootstrap(plan)
    patterns = {pattern for one in may(plan, role) for pattern in one["Resource"]} - {"*"}
    assert len(own) > 10
    assert [(arn, pattern) for arn in own for pattern in patterns if fnmatchcase(arn, pattern)] == []


def test_a_workflow_that_plans_writes_only_the_lock(planned: Planned) -> None:
    reading = ("Get", "List", "Describe", "View")
    writes = [
        one
        for one in may(planned(environments.BOOTSTRAP).plan, "plan")
        if not all(a.split(":")[1].startswith(reading) for a in one["Action"])
    ]
    assert {one["Sid"] for one in writes} == {"LockState", "UseStateKey", "DecryptSettings"}
    lock = next(one for one in writes if one["Sid"] == "LockState")
    assert lock["Resource"] == ["arn:aws:s3:::shoplake-state-111111111111/shoplake/dev/terraform.tfstate.tflock"]


@pytest.mark.parametrize("name", environments.ON_AWS)
def test_a_role_that_reads_settings_may_decrypt_them(planned: Planned, name: str) -> None:
    plan = planned(name).plan
    readers = {
        one.index
        for one in plan.of_type("aws_iam_policy")
        if any("ssm:GetParametersByPath" in statement["Action"] for statement in statements(one))
    }
    decrypting = {
        one.index
        for one in plan.data("aws_iam_policy_document")
        if any(statement["sid"] == "DecryptSettings" for statement in one.values["statement"])
    }
    assert readers
    assert readers == decrypting
