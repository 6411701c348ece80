"""The policy over each environment's plan, and for each rule a plan broken on purpose that it must refuse."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shoplake.errors import InfraError
from shoplake.infra import cost, dry_run, environments, plan_summary, policy
from shoplake.infra.dry_run import DryRun
from shoplake.infra.plan_json import Plan

Broken = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize("name", [*environments.NAMES, environments.BOOTSTRAP])
def test_an_environment_is_planned_without_an_account_and_passes_the_policy(
    planned: Callable[[str], DryRun], name: str
) -> None:
    found = planned(name)
    assert [str(violation) for violation in found.violations] == []
    assert plan_summary.actions(found.plan).keys() == {"add"}
    assert json.loads(found.path.read_text()) == found.plan.content


def test_the_report_has_counts_of_resources_and_checks_and_the_cost(planned: Callable[[str], DryRun]) -> None:
    prod, local = dry_run.report(planned("prod")), dry_run.report(planned("local"))
    assert f"prod: {len(planned('prod').plan.resources)} resources" in prod
    assert "policy: 11 rules, 0 violations" in prod
    assert "USD per month" in prod
    assert "policy: 5 rules, 0 violations" in local
    assert "USD" not in local


def test_a_violation_fails_the_dry_run_and_is_named(planned: Callable[[str], DryRun]) -> None:
    found = replace(planned("prod"), violations=(policy.Violation("closed", "aws_x.y", "lets everyone in"),))
    with pytest.raises(
        InfraError, match=r"plan of 'prod' violates the policy:\n  - closed: aws_x\.y: lets everyone in"
    ):
        dry_run.refuse_violations(found)
    dry_run.refuse_violations(planned("prod"))


def test_prod_is_a_whole_platform(planned: Callable[[str], DryRun]) -> None:
    found = planned("prod")
    assert len(found.plan.resources) >= 80
    assert {module.module for module in found.modules} == {
        "access", "cache", "config", "documents", "keys", "keyvalue", "lake", "network", "observability",
        "relational", "stream",
    }  # fmt: skip


@pytest.mark.parametrize("name", environments.ON_AWS)
def test_every_planned_resource_has_a_price_or_costs_nothing_by_itself(
    planned: Callable[[str], DryRun], name: str
) -> None:
    assert cost.estimate(planned(name).plan).unpriced == ()


def change(plan: dict[str, Any], type_: str, index: str | None = None) -> dict[str, Any]:
    """The `change` of the first resource of a type, to be broken."""
    for resource in plan["resource_changes"]:
        if resource["type"] == type_ and (index is None or resource.get("index") == index):
            found: dict[str, Any] = resource["change"]
            return found
    raise AssertionError(f"the plan has no {type_} {index or ''}")


def setting(type_: str, *path: str | int, value: Any, index: str | None = None) -> Broken:
    def broken(plan: dict[str, Any]) -> None:
        at: Any = change(plan, type_, index)["after"]
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return broken


def document(type_: str, attribute: str, edit: Callable[[dict[str, Any]], None], index: str | None = None) -> Broken:
    """Edits the first statement of a JSON document."""

    def broken(plan: dict[str, Any]) -> None:
        after = change(plan, type_, index)["after"]
        content = json.loads(after[attribute])
        edit(content["Statement"][0])
        after[attribute] = json.dumps(content)

    return broken


def without(type_: str, index: str | None = None) -> Broken:
    def broken(plan: dict[str, Any]) -> None:
        plan["resource_changes"] = [
            one for one in plan["resource_changes"] if not (one["type"] == type_ and index in (None, one.get("index")))
        ]

    return broken


def not_our_key(type_: str, *path: str | int) -> Broken:
    """As if the argument were left out: only AWS would know which of its keys it takes."""

    def broken(plan: dict[str, Any]) -> None:
        for module in plan["configuration"]["root_module"]["module_calls"].values():
            for resource in module["module"]["resources"]:
                if resource["type"] == type_:
                    at = resource["expressions"]
                    for step in path[:-1]:
                        at = at[step]
                    del at[path[-1]]

    return broken


def planted(like: str, **resource: Any) -> Broken:
    """One more resource, beside the first one of a type."""

    def broken(plan: dict[str, Any]) -> None:
        beside = next(one for one in plan["resource_changes"] if one["type"] == like)
        plan["resource_changes"].append(copy.deepcopy(beside) | resource)

    return broken


def parameter(type_: str, name: str, value: str) -> Broken:
    def broken(plan: dict[str, Any]) -> None:
        for one in change(plan, type_)["after"]["parameter"]:
            if one["name"] == name:
                one["value"] = value

    return broken


def late_action(plan: dict[str, Any]) -> None:
    change(plan, "aws_iam_policy_document")["after"]["statement"][0]["actions"] = ["kms:*"]


def granted(index: str, **statement: Any) -> Broken:
    """As if the first statement of one of our IAM policies said this instead."""
    return document("aws_iam_policy", "policy", lambda first: first.update(statement), index=index)


def unknown_policy(plan: dict[str, Any]) -> None:
    change(plan, "aws_iam_policy")["after"].pop("policy")


def trust(**condition: Any) -> Broken:
    return document("aws_iam_role", "assume_role_policy", lambda s: s.update(Condition=condition), index="ci")


def trust_of(role: str, condition: dict[str, str]) -> Broken:
    return document(
        "aws_iam_role", "assume_role_policy", lambda s: s.update(Condition={"StringEquals": condition}), index=role
    )


def unbounded(index: str) -> Broken:
    return lambda plan: change(plan, "aws_iam_role", index)["after"].pop("permissions_boundary")


def bounded_by(arn: str) -> Broken:
    return setting("aws_iam_role", "permissions_boundary", value=arn)


SECRET = {
    "actions": ["create"],
    "after": {
        "kms_key_id": "arn:aws:kms:us-east-1:333333333333:key/1",
        "tags_all": dict.fromkeys(policy.REQUIRED_TAGS, "x"),
    },
}
AUD, SUB = "token.actions.githubusercontent.com:aud", "token.actions.githubusercontent.com:sub"
EXACT = {AUD: "sts.amazonaws.com", SUB: "repo:example/shoplake:environment:prod"}
ENCRYPTION = "aws_s3_bucket_server_side_encryption_configuration"

BROKEN: list[tuple[str, str, Broken]] = [
    ("TLS only", "no bucket policy denies plain HTTP", without("aws_s3_bucket_policy", "raw")),
    ("TLS only", "no bucket policy", document("aws_s3_bucket_policy", "policy", lambda s: s.update(Effect="Allow"))),
    ("TLS only", "no bucket policy", document("aws_s3_bucket_policy", "policy", lambda s: s["Resource"].pop())),
    ("TLS only", "rds.force_ssl is not 1", parameter("aws_db_parameter_group", "rds.force_ssl", "0")),
    ("TLS only", "tls is not enabled", parameter("aws_docdb_cluster_parameter_group", "tls", "disabled")),
    (
        "TLS only",
        "transit encryption",
        setting("aws_elasticache_replication_group", "transit_encryption_mode", value="preferred"),
    ),
    (
        "TLS only",
        "without TLS",
        setting(
            "aws_msk_cluster", "encryption_info", 0, "encryption_in_transit", 0, "client_broker", value="TLS_PLAINTEXT"
        ),
    ),
    ("our key", "kms_key_id is no key of ours", not_our_key("aws_db_instance", "kms_key_id")),
    ("our key", "kms_key_id is no key of ours", not_our_key("aws_cloudwatch_log_group", "kms_key_id")),
    (
        "our key",
        "kms_master_key_id is no key of ours",
        setting("aws_sns_topic", "kms_master_key_id", value="alias/aws/sns"),
    ),
    (
        "our key",
        "kms_key_arn is no key of ours",
        not_our_key("aws_dynamodb_table", "server_side_encryption", 0, "kms_key_arn"),
    ),
    ("our key", "has no encryption configuration", without(ENCRYPTION, "curated")),
    (
        "our key",
        "kms_master_key_id is no key",
        setting(
            ENCRYPTION,
            "rule",
            0,
            "apply_server_side_encryption_by_default",
            0,
            "kms_master_key_id",
            value="alias/aws/s3",
            index="raw",
        ),
    ),
    ("protected", "deletion_protection is not true", setting("aws_db_instance", "deletion_protection", value=False)),
    (
        "protected",
        "deletion_protection_enabled is not true",
        setting("aws_dynamodb_table", "deletion_protection_enabled", value=False),
    ),
    (
        "protected",
        "point-in-time recovery is off",
        setting("aws_dynamodb_table", "point_in_time_recovery", 0, "enabled", value=False),
    ),
    ("protected", "backup_retention_period is less", setting("aws_docdb_cluster", "backup_retention_period", value=1)),
    ("protected", "skip_final_snapshot is not false", setting("aws_docdb_cluster", "skip_final_snapshot", value=True)),
    ("protected", "force_destroy is not false", setting("aws_s3_bucket", "force_destroy", value=True)),
    (
        "no secret",
        "value is a secret",
        setting("aws_ssm_parameter", "value", value="postgresql://shop:hunter2@db/shop"),
    ),
    ("no secret", "password is a secret", setting("aws_db_instance", "password", value="hunter2")),
    ("no secret", "is a secret in the clear", lambda plan: plan["variables"].update(key={"value": "AKIA" + "A" * 16})),
    ("closed", "lets everyone in", setting("aws_vpc_security_group_ingress_rule", "cidr_ipv4", value="0.0.0.0/0")),
    ("closed", "lets everyone in", setting("aws_vpc_security_group_ingress_rule", "cidr_ipv6", value="::/0")),
    ("closed", "reached from the internet", setting("aws_db_instance", "publicly_accessible", value=True)),
    ("exact OIDC", "not one subject", trust(StringEquals=EXACT | {SUB: "repo:example/shoplake:*"})),
    ("exact OIDC", "not one subject", trust(StringEquals={AUD: "sts.amazonaws.com"})),
    ("exact OIDC", "aud is not", trust(StringEquals={SUB: EXACT[SUB]})),
    ("exact OIDC", "other than StringEquals", trust(StringEquals=EXACT, StringLike={SUB: "repo:example/*"})),
    (
        "exact OIDC",
        "everyone may take it",
        document("aws_iam_role", "assume_role_policy", lambda s: s.update(Principal={"AWS": "*"}), index="reader"),
    ),
    ("tagged", "has no tag cost-center", setting("aws_s3_bucket", "tags_all", "cost-center", value="")),
    ("tagged", "has no tag commit", lambda plan: change(plan, "aws_vpc")["after"]["tags_all"].pop("commit")),
    ("our key", "key_id is no key of ours", setting("aws_ssm_parameter", "key_id", value="alias/aws/ssm")),
    ("rotated", "is never rotated", planted("aws_ssm_parameter", type="aws_secretsmanager_secret", change=SECRET)),
    (
        "bounded",
        "is not bounded by arn:aws:iam::333333333333:policy/shoplake-bootstrap-prod-boundary",
        unbounded("reader"),
    ),
    ("bounded", "is not bounded", unbounded("shoplake-prod-postgres")),
    ("bounded", "is not bounded", bounded_by("arn:aws:iam::aws:policy/AdministratorAccess")),
    ("bounded", "is not bounded", bounded_by("arn:aws:iam::333333333333:policy/shoplake-bootstrap-dev-boundary")),
    ("budgeted", "has no monthly budget", without("aws_budgets_budget")),
    ("budgeted", "does not warn of the forecast", setting("aws_budgets_budget", "notification", value=[])),
    ("no wildcard", "allows s3:*", document("aws_iam_policy", "policy", lambda s: s.update(Action=["s3:*"]))),
    ("no wildcard", "allows it on *", document("aws_iam_policy", "policy", lambda s: s.update(Resource="*"))),
    (
        "no wildcard",
        "allows it on arn:aws:s3:::*",
        document("aws_iam_policy", "policy", lambda s: s.update(Resource=["arn:aws:s3:::*"])),
    ),
    (
        "no wildcard",
        "all but what it names",
        document("aws_iam_policy", "policy", lambda s: s.update(NotAction=["iam:PassRole"])),
    ),
    ("no wildcard", "allows kms:*", late_action),
    ("no wildcard", "nobody can check it", unknown_policy),
    (
        "no wildcard",
        "AdministratorAccess",
        setting("aws_iam_role_policy_attachment", "policy_arn", value="arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
]


# What else could go wrong where roles are made that GitHub takes.
BROKEN_BOOTSTRAP: list[tuple[str, str, Broken]] = [
    ("TLS only", "no bucket policy denies plain HTTP", without("aws_s3_bucket_policy", "state")),
    (
        "our key",
        "kms_master_key_id is no key",
        setting(
            ENCRYPTION,
            "rule",
            0,
            "apply_server_side_encryption_by_default",
            0,
            "kms_master_key_id",
            value="alias/aws/s3",
            index="state",
        ),
    ),
    ("tagged", "has no tag owner", setting("aws_s3_bucket", "tags_all", "owner", value="", index="state")),
    ("no secret", "is a secret in the clear", lambda plan: plan["variables"].update(key={"value": "AKIA" + "A" * 16})),
    ("exact OIDC", "not one subject", trust_of("apply", {AUD: "sts.amazonaws.com", SUB: "repo:example/shoplake:*"})),
    ("exact OIDC", "aud is not", trust_of("plan", {SUB: "repo:example/shoplake:environment:dev-plan"})),
    ("no wildcard", "allows iam:*", granted("write-identity", Action=["iam:*"])),
    ("no wildcard", "allows it on *", granted("write-identity", Resource=["*"])),
    (
        "no wildcard",
        "allows it on *",
        granted("write-stores", Action=["kms:CreateKey", "rds:ModifyDBInstance"], Resource="*"),
    ),
    (
        "no wildcard",
        "AdministratorAccess",
        setting("aws_iam_role_policy_attachment", "policy_arn", value="arn:aws:iam::aws:policy/AdministratorAccess"),
    ),
]
BROKEN_LOCAL: list[tuple[str, str, Broken]] = [
    ("no wildcard", "allows dynamodb:*", granted("dynamodb-sink", Action=["dynamodb:*"])),
    ("no wildcard", "nobody can check it", unknown_policy),
]


@pytest.mark.parametrize(
    ("name", "rule", "message", "broken"),
    [
        *[("prod", *case) for case in BROKEN],
        *[(environments.BOOTSTRAP, *case) for case in BROKEN_BOOTSTRAP],
        *[("local", *case) for case in BROKEN_LOCAL],
    ],
)
def test_a_plan_that_violates_a_rule_is_refused(
    planned: Callable[[str], DryRun], name: str, rule: str, message: str, broken: Broken
) -> None:
    content = copy.deepcopy(dict(planned(name).plan.content))
    broken(content)
    violations = policy.check(Plan(content), name)

    assert violations
    assert {violation.rule for violation in violations} == {rule}
    assert any(message in violation.message for violation in violations)


def test_every_rule_has_a_plan_that_violates_it() -> None:
    assert {rule for rule, _, _ in BROKEN} == policy.RULES.keys()
    assert {rule for rule, _, _ in BROKEN_BOOTSTRAP} == {*policy.rules_of(environments.BOOTSTRAP)} - {"closed"}


def test_actions_without_resource_types_are_allowed_on_all_resources(planned: Callable[[str], DryRun]) -> None:
    content = copy.deepcopy(dict(planned(environments.BOOTSTRAP).plan.content))
    granted("write-identity", Action=["kms:CreateKey", "sns:Unsubscribe"], Resource=["*"])(content)
    assert policy.check(Plan(content), environments.BOOTSTRAP) == ()


def test_dev_may_hold_less_than_prod(planned: Callable[[str], DryRun]) -> None:
    found = planned("dev").plan
    assert policy.check(found, "dev") == ()
    assert {violation.rule for violation in policy.check(found, "prod")} == {"protected"}


@pytest.mark.parametrize("name", environments.ON_AWS)
def test_only_the_program_lifts_the_protection_from_deletion(planned: Callable[[str], DryRun], name: str) -> None:
    plan = planned(name).plan
    assert plan.content["variables"]["deletion_protection"]["value"] is True
    for type_, attributes in policy.PROTECTIONS.items():
        for attribute in attributes.keys() - {"skip_final_snapshot"}:
            assert {one.get(attribute) for one in plan.of_type(type_)} == {attributes[attribute]}
