"""Estimate the monthly cost of a plan from a dated price list in the repository. Pure, except for reading the list.

Costs per hour or per item follow from the plan. Costs by use follow from low, expected and high assumptions, which
are also in the list and must be printed with the figures.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from shoplake.infra.plan_json import Plan, Resource

# Cost nothing by themselves; what flows through them is counted where it is paid for.
FREE = frozenset(
    {
        "aws_appautoscaling_policy",
        "aws_appautoscaling_scheduled_action",
        "aws_appautoscaling_target",
        "aws_budgets_budget",
        "aws_ce_cost_allocation_tag",
        "aws_db_parameter_group",
        "aws_db_subnet_group",
        "aws_default_security_group",
        "aws_docdb_cluster_parameter_group",
        "aws_docdb_subnet_group",
        "aws_ecs_cluster",
        "aws_ecs_task_definition",
        "aws_elasticache_subnet_group",
        "aws_elasticache_user",
        "aws_elasticache_user_group",
        "aws_flow_log",
        "aws_glue_catalog_database",
        "aws_iam_policy",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_iam_role_policy_attachment",
        "aws_internet_gateway",
        "aws_kms_alias",
        "aws_msk_configuration",
        "aws_route",
        "aws_route_table",
        "aws_route_table_association",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_logging",
        "aws_s3_bucket_notification",
        "aws_s3_bucket_ownership_controls",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
        "aws_scheduler_schedule",
        "aws_secretsmanager_secret_version",
        "aws_security_group",
        "aws_sns_topic",
        "aws_sns_topic_policy",
        "aws_sns_topic_subscription",
        "aws_ssm_parameter",
        "aws_subnet",
        "aws_vpc",
        "aws_vpc_security_group_egress_rule",
        "aws_vpc_security_group_ingress_rule",
    }
)


@dataclass(frozen=True, slots=True)
class Money:
    """US dollars per month, for low, expected and high use."""

    low: float
    expected: float
    high: float

    def __add__(self, other: Money) -> Money:
        return Money(self.low + other.low, self.expected + other.expected, self.high + other.high)


@dataclass(frozen=True, slots=True)
class Line:
    """Cost of one resource: `fixed` without any use, plus `use`; `why` explains the fixed part."""

    address: str
    fixed: float
    use: Money
    why: str

    @property
    def total(self) -> Money:
        """Sum of fixed cost and cost by use."""
        return self.use + Money(self.fixed, self.fixed, self.fixed)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Cost of every resource, and the resources without a price in the list."""

    lines: tuple[Line, ...]
    unpriced: tuple[str, ...]

    @property
    def total(self) -> Money:
        """Sum of all lines."""
        return sum((line.total for line in self.lines), Money(0, 0, 0))


@cache
def prices() -> Mapping[str, Any]:
    """Read the price list of the repository."""
    text = resources.files("shoplake.infra").joinpath("prices.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def estimate(plan: Plan) -> Estimate:
    """Estimate the monthly cost of the plan."""
    lines: list[Line] = []
    unpriced: list[str] = []
    for resource in plan.resources:
        price = PRICED.get(resource.type)
        try:
            if price:
                lines.append(_line(resource, *price(plan, resource)))
            elif resource.type not in FREE:
                unpriced.append(resource.address)
        except KeyError as missing:
            unpriced.append(f"{resource.address} (no price of {missing.args[0]})")
    return Estimate(lines=tuple(sorted(lines, key=lambda line: -line.total.expected)), unpriced=tuple(unpriced))


def difference(before: Estimate, after: Estimate) -> tuple[tuple[str, float], ...]:
    """Return addresses with a different expected cost and the difference, largest first."""
    was = {line.address: line.total.expected for line in before.lines}
    now = {line.address: line.total.expected for line in after.lines}
    found = {address: now.get(address, 0) - was.get(address, 0) for address in was.keys() | now.keys()}
    changed = [(address, amount) for address, amount in found.items() if abs(amount) >= 0.005]
    return tuple(sorted(changed, key=lambda one: (-abs(one[1]), one[0])))


def saved_at_night(plan: Plan) -> float:
    """Return the monthly saving if Postgres stops at night and at weekends. Zero without such a schedule."""
    instances = [one for one in plan.of_type("aws_db_instance") if _is_scheduled(plan)]
    return sum(_database(plan, one, hours=_hours() * (1 - WORKED))[0] for one in instances)


# Running hours in the schedule of dev: 7:00 to 20:00, Monday to Friday.
WORKED = 13 * 5 / (24 * 7)
FARGATE_DISK_GB = 20
"""Disk of a task that is included in its price."""

Price = tuple[float, str]


def _line(resource: Resource, fixed: float, why: str) -> Line:
    assumed = prices()["assumed"].get(resource.type, {})
    use = Money(0, 0, 0)
    for unit, amount in assumed.items():
        if _applies(resource, unit):
            rate = prices()["usage"].get(unit) or prices()["monthly"][unit]
            use += Money(*(amount[level] * rate for level in ("low", "expected", "high")))
    return Line(address=resource.address, fixed=fixed, use=use, why=why)


def _applies(resource: Resource, unit: str) -> bool:
    if unit.startswith("dynamodb million"):
        return bool(resource.get("billing_mode") == "PAY_PER_REQUEST")
    if unit.startswith("endpoint"):
        return bool(resource.get("vpc_endpoint_type") == "Interface")
    return True


def _database(plan: Plan, resource: Resource, hours: float | None = None) -> Price:
    kind = resource.get("instance_class")
    copies = 2 if resource.get("multi_az") else 1
    running = hours if hours is not None else _hours() * (WORKED if _is_scheduled(plan) else 1)
    compute = running * _hourly(kind) * copies
    if hours is not None:
        return compute, ""
    disk_gb = resource.get("allocated_storage") or _source_disk_gb(plan)
    disk = disk_gb * copies * _monthly("rds gp3 GB")
    secret = _monthly("secret") if resource.get("manage_master_user_password") else 0
    return compute + disk + secret, f"{copies} × {kind} for {running:.0f} h, {disk_gb} GB"


def _source_disk_gb(plan: Plan) -> float:
    return max(one.get("allocated_storage") or 0 for one in plan.of_type("aws_db_instance"))


def _is_scheduled(plan: Plan) -> bool:
    return any(
        "rds:stopDBInstance" in str(one.get("target", 0, "arn")) for one in plan.of_type("aws_scheduler_schedule")
    )


def _brokers(_plan: Plan, resource: Resource) -> Price:
    count, kind = resource.get("number_of_broker_nodes"), resource.get("broker_node_group_info", 0, "instance_type")
    disk_gb = resource.get("broker_node_group_info", 0, "storage_info", 0, "ebs_storage_info", 0, "volume_size")
    cost = count * (_hours() * _hourly(kind) + disk_gb * _monthly("msk GB"))
    return cost, f"{count} × {kind}, {disk_gb} GB each"


def _nodes(_plan: Plan, resource: Resource) -> Price:
    count, kind = resource.get("num_cache_clusters"), resource.get("node_type")
    return count * _hours() * _hourly(kind), f"{count} × {kind}"


def _endpoint(plan: Plan, resource: Resource) -> Price:
    if resource.get("vpc_endpoint_type") != "Interface":
        return 0, "a gateway"
    zones = len([one for one in plan.of_type("aws_subnet") if str(one.index).startswith("private-")])
    return zones * _hours() * _hourly("interface endpoint in a zone"), f"one address in each of {zones} zones"


def _table(_plan: Plan, resource: Resource) -> Price:
    if resource.get("billing_mode") == "PAY_PER_REQUEST":
        return 0, "per request"
    read, write = resource.get("read_capacity"), resource.get("write_capacity")
    units = read * _hourly("dynamodb read unit") + write * _hourly("dynamodb write unit")
    return _hours() * units, f"{read} read and {write} write units, before autoscaling"


def _by_the_hour(name: str) -> Callable[[Plan, Resource], Price]:
    return lambda _plan, _resource: (_hours() * _hourly(name), name)


def _by_the_month(name: str) -> Callable[[Plan, Resource], Price]:
    return lambda _plan, _resource: (_monthly(name), name)


def _by_use(_plan: Plan, _resource: Resource) -> Price:
    return 0, "by use"


def _documents_storage(_plan: Plan, resource: Resource) -> Price:
    """Storage and requests are paid by use. The password that AWS manages is an additional secret."""
    if resource.get("manage_master_user_password"):
        return _monthly("secret"), "storage and requests by use, and a secret"
    return 0, "storage and requests by use"


def _documents(_plan: Plan, resource: Resource) -> Price:
    kind = resource.get("instance_class")
    return _hours() * _hourly(f"docdb.{kind}"), str(kind)


def _tasks(plan: Plan, resource: Resource) -> Price:
    """Tasks of Fargate, by the task definition of the module. Scheduled actions of the module stop them at night."""
    (task,) = [one for one in plan.of_type("aws_ecs_task_definition") if one.module == resource.module]
    kind = task.get("runtime_platform", 0, "cpu_architecture") or "X86_64"
    count, cpus, memory_gb = resource.get("desired_count"), int(task.get("cpu")) / 1024, int(task.get("memory")) / 1024
    disk_gb = max(0, (task.get("ephemeral_storage", 0, "size_in_gib") or 0) - FARGATE_DISK_GB)
    scheduled = [one for one in plan.of_type("aws_appautoscaling_scheduled_action") if one.module == resource.module]
    hours = _hours() * (WORKED if scheduled else 1)
    rate = (
        cpus * _hourly(f"fargate {kind} vCPU")
        + memory_gb * _hourly(f"fargate {kind} GB")
        + disk_gb * _hourly("fargate disk GB")
    )
    return count * hours * rate, f"{count} × {cpus:g} vCPU, {memory_gb:g} GB, {kind}, for {hours:.0f} h"


def _hours() -> float:
    return float(prices()["hours_per_month"])


def _hourly(name: str) -> float:
    return float(prices()["hourly"][name])


def _monthly(name: str) -> float:
    return float(prices()["monthly"][name])


PRICED: dict[str, Callable[[Plan, Resource], Price]] = {
    "aws_athena_workgroup": _by_use,
    "aws_cloudwatch_dashboard": _by_the_month("dashboard"),
    "aws_cloudwatch_log_group": _by_use,
    "aws_cloudwatch_metric_alarm": _by_the_month("alarm"),
    "aws_db_instance": _database,
    "aws_docdb_cluster": _documents_storage,
    "aws_docdb_cluster_instance": _documents,
    "aws_dynamodb_table": _table,
    "aws_ecs_service": _tasks,
    "aws_eip": _by_the_hour("public address"),
    "aws_elasticache_replication_group": _nodes,
    "aws_kms_key": _by_the_month("kms key"),
    "aws_msk_cluster": _brokers,
    "aws_msk_serverless_cluster": _by_the_hour("MSK serverless cluster"),
    "aws_nat_gateway": _by_the_hour("nat"),
    "aws_s3_bucket": _by_use,
    "aws_secretsmanager_secret": _by_the_month("secret"),
    "aws_vpc_endpoint": _endpoint,
}
