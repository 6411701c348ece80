"""What the policy has against IAM documents in a plan: wildcards, and trust in GitHub that is not exact. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from shoplake.infra.plan_json import Json, Plan, Resource

Found = tuple[str, str]  # address, and what is wrong there
Statement = dict[str, Json]

IDENTITY_POLICIES = ("aws_iam_policy", "aws_iam_role_policy", "aws_iam_user_policy", "aws_iam_group_policy")
DOCUMENT = "aws_iam_policy_document"
GITHUB = "token.actions.githubusercontent.com"
# What AWS knows no resource for, so that it can only be allowed on "*"; a test holds this against AWS's own list.
NAMELESS = frozenset(
    {
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "ce:ListCostAllocationTags",
        "ce:UpdateCostAllocationTagsStatus",
        "ec2:DescribeAddresses",
        "ec2:DescribeAddressesAttribute",
        "ec2:DescribeFlowLogs",
        "ec2:DescribeInternetGateways",
        "ec2:DescribeNatGateways",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribePrefixLists",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroupRules",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
        "ec2:DescribeVpcEndpoints",
        "ec2:DescribeVpcs",
        "kafka:DescribeClusterOperation",
        "kafka:GetBootstrapBrokers",
        "kms:CreateKey",
        "kms:ListAliases",
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
        "sns:GetSubscriptionAttributes",
        "sns:Unsubscribe",
        "ssm:DescribeParameters",
    }
)
# Of AWS's own policies those that a service's role needs to the letter.
MANAGED = frozenset({"arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"})


def no_wildcard(plan: Plan) -> Iterator[Found]:
    """Our own IAM policies name actions one by one, and resources at least by the beginning of their name."""
    for resource in plan.of_type(*IDENTITY_POLICIES):
        if resource.get("policy") is None:
            # Then it holds what only AWS can name, and its statements are those of a document in the plan.
            if not plan.comes_from(resource, ("policy",), f"data.{DOCUMENT}"):
                yield resource.address, "is unknown while planning, so nobody can check it"
            continue
        for statement in _statements(resource.get("policy")):
            yield from ((resource.address, message) for message in _loose(statement))
    for document in plan.data(DOCUMENT):
        for statement in _as_written(document):
            yield from ((document.address, message) for message in _loose(statement))
    for attachment in plan.of_type("aws_iam_role_policy_attachment"):
        arn = attachment.get("policy_arn") or ""
        if arn.startswith("arn:aws:iam::aws:policy/") and arn not in MANAGED:
            yield attachment.address, f"attaches AWS's own {arn.rpartition('/')[2]}, which is wider than needed"


def exact_oidc(plan: Plan) -> Iterator[Found]:
    """A role that trusts GitHub trusts one subject and one audience, to the letter."""
    for role in plan.of_type("aws_iam_role"):
        document = role.get("assume_role_policy")
        if document is None:
            yield role.address, "its trust is unknown while planning, so nobody can check it"
            continue
        for statement in _statements(document):
            if "sts:AssumeRoleWithWebIdentity" in _listed(statement.get("Action")) or "Federated" in _principal(
                statement
            ):
                yield from ((role.address, message) for message in _inexact(statement))
            elif statement.get("Principal") == "*" or "*" in _listed(_principal(statement).get("AWS")):
                yield role.address, "everyone may take it"


def bounded(plan: Plan) -> Iterator[Found]:
    """Every role has the boundary that the account's bootstrap made for this environment."""
    given = plan.content["variables"]
    name = f"shoplake-bootstrap-{given['environment']['value']}-boundary"
    boundary = f"arn:aws:iam::{given['account_id']['value']}:policy/{name}"
    for role in plan.of_type("aws_iam_role"):
        if role.get("permissions_boundary") != boundary:
            yield role.address, f"is not bounded by {boundary}"


def denied_without_tls(resource: Resource) -> set[str]:
    """What a resource's policy denies to everyone who comes without TLS."""
    denied: set[str] = set()
    for statement in _statements(resource.get("policy")):
        insecure = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport") in ("false", False)
        if insecure and statement.get("Effect") == "Deny" and statement.get("Principal") in ("*", {"AWS": "*"}):
            denied |= set(_listed(statement.get("Resource")))
    return denied


def _inexact(statement: Statement) -> Iterator[str]:
    exact = statement.get("Condition", {}).get("StringEquals", {})
    if set(statement.get("Condition", {})) - {"StringEquals"}:
        yield "a condition other than StringEquals decides who takes it"
    if _listed(exact.get(f"{GITHUB}:aud")) != ["sts.amazonaws.com"]:
        yield f"{GITHUB}:aud is not sts.amazonaws.com"
    subjects = _listed(exact.get(f"{GITHUB}:sub"))
    if len(subjects) != 1 or not subjects[0].startswith("repo:") or "*" in subjects[0] or "?" in subjects[0]:
        yield f"{GITHUB}:sub is not one subject, to the letter"


def _loose(statement: Statement) -> Iterator[str]:
    if statement.get("Effect", "Allow") != "Allow":
        return
    if statement.get("NotAction") or statement.get("NotResource"):
        yield "allows all but what it names"
    for action in _listed(statement.get("Action")):
        if "*" in action or "?" in action:
            yield f"allows {action}"
    nameless = NAMELESS.issuperset(_listed(statement.get("Action")))
    for resource in _listed(statement.get("Resource")):
        if _unbounded(resource) and not (nameless and resource == "*"):
            yield f"allows it on {resource}"


def _unbounded(resource: str) -> bool:
    """Whether a wildcard stands anywhere but behind the beginning of a name: `arn:aws:s3:::ours/*` is bounded."""
    parts = resource.split(":", 5)
    return len(parts) < 6 or any("*" in part for part in parts[:5]) or parts[5].startswith("*")


def _statements(document: Json) -> list[Statement]:
    if not isinstance(document, str):
        return []
    found = json.loads(document).get("Statement", [])
    return found if isinstance(found, list) else [found]


def _as_written(document: Resource) -> Iterator[Statement]:
    """Statements of a document that is read during apply; what only AWS can name is left out, not allowed."""
    for statement in document.get("statement") or []:
        yield {
            "Effect": statement.get("effect") or "Allow",
            "Action": [action for action in statement.get("actions") or [] if action],
            "NotAction": statement.get("not_actions"),
            "Resource": [resource for resource in statement.get("resources") or [] if resource],
            "NotResource": statement.get("not_resources"),
        }


def _principal(statement: Statement) -> dict[str, Json]:
    principal = statement.get("Principal")
    return principal if isinstance(principal, dict) else {}


def _listed(value: Json) -> list[str]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
