"""The policy: rules on the JSON of a plan that scanners of single resources miss. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shoplake.infra import policy_iam, policy_secrets
from shoplake.infra.environments import BOOTSTRAP, ON_AWS
from shoplake.infra.plan_json import Json, Plan, Resource
from shoplake.infra.policy_iam import Found

REQUIRED_TAGS = frozenset({"project", "environment", "owner", "cost-center", "data-class", "commit"})
MIN_BACKUP_DAYS = 14
EVERYWHERE = frozenset({"local", BOOTSTRAP, *ON_AWS})
ACCOUNTS = frozenset({BOOTSTRAP, *ON_AWS})
AWS = frozenset(ON_AWS)
PROD = frozenset({"prod"})

# Where each type says which key encrypts it.
KEY_PATHS: dict[str, tuple[str | int, ...]] = {
    "aws_athena_workgroup": (
        "configuration",
        0,
        "result_configuration",
        0,
        "encryption_configuration",
        0,
        "kms_key_arn",
    ),
    "aws_cloudwatch_log_group": ("kms_key_id",),
    "aws_db_instance": ("kms_key_id",),
    "aws_docdb_cluster": ("kms_key_id",),
    "aws_dynamodb_table": ("server_side_encryption", 0, "kms_key_arn"),
    "aws_elasticache_replication_group": ("kms_key_id",),
    "aws_msk_cluster": ("encryption_info", 0, "encryption_at_rest_kms_key_arn"),
    "aws_scheduler_schedule": ("kms_key_arn",),
    "aws_s3_bucket_server_side_encryption_configuration": (
        "rule",
        0,
        "apply_server_side_encryption_by_default",
        0,
        "kms_master_key_id",
    ),
    "aws_secretsmanager_secret": ("kms_key_id",),
    "aws_sns_topic": ("kms_master_key_id",),
    "aws_sqs_queue": ("kms_master_key_id",),
    "aws_ssm_parameter": ("key_id",),
}
# S3 delivers its access logs to no bucket with a key of ours:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
S3_KEYS_ONLY = frozenset({"access-logs"})

# What refuses to go, by type: attribute and the value it must have in prod.
PROTECTIONS: dict[str, dict[str, bool]] = {
    "aws_db_instance": {"deletion_protection": True},
    "aws_docdb_cluster": {"deletion_protection": True, "skip_final_snapshot": False},
    "aws_dynamodb_table": {"deletion_protection_enabled": True},
    "aws_s3_bucket": {"force_destroy": False},
}
BACKUPS = {
    "aws_db_instance": "backup_retention_period",
    "aws_docdb_cluster": "backup_retention_period",
    "aws_elasticache_replication_group": "snapshot_retention_limit",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation of a rule."""

    rule: str
    address: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.address}: {self.message}"


def check(plan: Plan, environment: str) -> tuple[Violation, ...]:
    """Return all violations of the environment's rules. Empty if the plan may be applied."""
    return tuple(
        Violation(rule=name, address=address, message=message)
        for name, (rule, environments) in RULES.items()
        if environment in environments
        for address, message in rule(plan)
    )


def rules_of(environment: str) -> tuple[str, ...]:
    """Return the names of the rules of an environment."""
    return tuple(name for name, (_, environments) in RULES.items() if environment in environments)


def tls_only(plan: Plan) -> Iterator[Found]:
    """Every store and topic refuses connections without TLS."""
    denied = {arn for one in plan.of_type("aws_s3_bucket_policy") for arn in policy_iam.denied_without_tls(one)}
    for bucket in plan.of_type("aws_s3_bucket"):
        arn = f"arn:aws:s3:::{bucket.get('bucket')}"
        if not {arn, f"{arn}/*"} <= denied:
            yield bucket.address, "no bucket policy denies plain HTTP on it and its objects"
    for topic in plan.of_type("aws_sns_topic_policy"):
        if not policy_iam.denied_without_tls(topic):
            yield topic.address, "does not deny plain HTTP"
    for group in plan.of_type("aws_db_parameter_group"):
        if _parameter(group, "rds.force_ssl") != "1":
            yield group.address, "rds.force_ssl is not 1"
    for group in plan.of_type("aws_docdb_cluster_parameter_group"):
        if _parameter(group, "tls") != "enabled":
            yield group.address, "tls is not enabled"
    for cache in plan.of_type("aws_elasticache_replication_group"):
        if (cache.get("transit_encryption_enabled"), cache.get("transit_encryption_mode")) != (True, "required"):
            yield cache.address, "transit encryption is not required"
    for cluster in plan.of_type("aws_msk_cluster"):
        transit = cluster.get("encryption_info", 0, "encryption_in_transit", 0) or {}
        if (transit.get("client_broker"), transit.get("in_cluster")) != ("TLS", True):
            yield cluster.address, "clients or brokers may speak without TLS"


def our_key(plan: Plan) -> Iterator[Found]:
    """Whatever holds data is encrypted with a key that this plan makes, or that the caller gave."""
    for resource in plan.resources:
        path = KEY_PATHS.get(resource.type)
        if path and not _exempt(resource) and not _has_our_key(plan, resource, path):
            yield resource.address, f"{path[-1]} is no key of ours"
    encrypted = {(one.module, one.index) for one in plan.of_type("aws_s3_bucket_server_side_encryption_configuration")}
    for bucket in plan.of_type("aws_s3_bucket"):
        if (bucket.module, bucket.index) not in encrypted:
            yield bucket.address, "has no encryption configuration"


def protected(plan: Plan) -> Iterator[Found]:
    """Stores refuse to be deleted and can be restored to any second."""
    for resource in plan.resources:
        for attribute, wanted in PROTECTIONS.get(resource.type, {}).items():
            if resource.get(attribute) is not wanted:
                yield resource.address, f"{attribute} is not {str(wanted).lower()}"
        days = BACKUPS.get(resource.type)
        if days and not _is_replica(resource) and (resource.get(days) or 0) < MIN_BACKUP_DAYS:
            yield resource.address, f"{days} is less than {MIN_BACKUP_DAYS}"
    for instance in plan.of_type("aws_db_instance"):
        if not _is_replica(instance) and instance.get("skip_final_snapshot") is not False:
            yield instance.address, "skip_final_snapshot is not false"
    for table in plan.of_type("aws_dynamodb_table"):
        if table.get("point_in_time_recovery", 0, "enabled") is not True:
            yield table.address, "point-in-time recovery is off"


def closed(plan: Plan) -> Iterator[Found]:
    """No security group allows access from everywhere."""
    everyone = {"0.0.0.0/0", "::/0"}
    for rule in plan.of_type("aws_vpc_security_group_ingress_rule"):
        if everyone & {rule.get("cidr_ipv4"), rule.get("cidr_ipv6")}:
            yield rule.address, "lets everyone in"
    for rule in plan.of_type("aws_security_group_rule"):
        ranges = {*(rule.get("cidr_blocks") or []), *(rule.get("ipv6_cidr_blocks") or [])}
        if rule.get("type") == "ingress" and everyone & ranges:
            yield rule.address, "lets everyone in"
    for group in plan.of_type("aws_security_group", "aws_default_security_group"):
        for block in group.get("ingress") or []:
            if everyone & {*(block.get("cidr_blocks") or []), *(block.get("ipv6_cidr_blocks") or [])}:
                yield group.address, "lets everyone in"
    for store in plan.of_type("aws_db_instance"):
        if store.get("publicly_accessible") is not False:
            yield store.address, "is reached from the internet"


def tagged(plan: Plan) -> Iterator[Found]:
    """Every resource that supports tags has the required tags."""
    for resource in plan.resources:
        if "tags_all" not in resource.values:
            continue
        tags = resource.get("tags_all") or {}
        missing = sorted(tag for tag in REQUIRED_TAGS if not tags.get(tag))
        if missing:
            yield resource.address, f"has no tag {', '.join(missing)}"


def rotated(plan: Plan) -> Iterator[Found]:
    """A function rotates each secret of shoplake. AWS rotates its managed secrets."""
    rotating = {(one.module, one.index) for one in plan.of_type("aws_secretsmanager_secret_rotation")}
    for secret in plan.of_type("aws_secretsmanager_secret"):
        if (secret.module, secret.index) not in rotating:
            yield secret.address, "is never rotated"


def budgeted(plan: Plan) -> Iterator[Found]:
    """A monthly budget warns of the forecast, and has a recipient."""
    budgets = [one for one in plan.of_type("aws_budgets_budget") if one.get("time_unit") == "MONTHLY"]
    if not budgets:
        yield "(plan)", "has no monthly budget"
    for budget in budgets:
        kinds = {notification.get("notification_type") for notification in budget.get("notification") or []}
        if "FORECASTED" not in kinds:
            yield budget.address, "does not warn of the forecast"


def _parameter(group: Resource, name: str) -> Json:
    return next((one["value"] for one in group.get("parameter") or [] if one["name"] == name), None)


def _is_replica(resource: Resource) -> bool:
    source = "replicate_source_db"
    return bool(resource.get(source)) or resource.is_unknown(source)


def _exempt(resource: Resource) -> bool:
    of_a_bucket = resource.type == "aws_s3_bucket_server_side_encryption_configuration"
    return of_a_bucket and resource.index in S3_KEYS_ONLY


def _has_our_key(plan: Plan, resource: Resource, path: tuple[str | int, ...]) -> bool:
    """A key's ARN, or one not known yet that comes from a key made here; `alias/aws/…` is AWS's own."""
    key = resource.get(*path)
    if key is not None:
        return isinstance(key, str) and ":kms:" in key and ":key/" in key
    return resource.is_unknown(*path) and plan.comes_from(resource, path, "aws_kms_key")


Rule = Callable[[Plan], Iterator[Found]]
RULES: dict[str, tuple[Rule, frozenset[str]]] = {
    "TLS only": (tls_only, EVERYWHERE),
    "our key": (our_key, ACCOUNTS),
    "protected": (protected, PROD),
    "no secret": (policy_secrets.no_secret, EVERYWHERE),
    "closed": (closed, EVERYWHERE),
    "exact OIDC": (policy_iam.exact_oidc, EVERYWHERE),
    "tagged": (tagged, ACCOUNTS),
    "budgeted": (budgeted, AWS),
    "rotated": (rotated, AWS),
    "no wildcard": (policy_iam.no_wildcard, EVERYWHERE),
    # An emulator enforces none, and the account's own roles are made by a person.
    "bounded": (policy_iam.bounded, AWS),
}
