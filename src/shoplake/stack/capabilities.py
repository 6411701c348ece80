"""The AWS services that each emulator supports, and how the local environment uses them.

Terraform's variable `capabilities`, `doctor` and the table in docs/capabilities.md are generated from here.
`tests/contract` checks every row against the emulators.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from shoplake.errors import UnknownName

Emulator = Literal["ministack", "localstack"]
Provider = Literal["ministack", "localstack", "aws"]

# The versions that the rows were held to: MiniStack as the stack runs it (no Docker), LocalStack's last open tag.
MEASURED: dict[Emulator, str] = {"ministack": "1.5.33", "localstack": "4.14.0"}
TITLES: dict[Emulator, str] = {"ministack": "MiniStack", "localstack": "LocalStack"}


class Support(StrEnum):
    """How much of a service there is."""

    REAL = "real"
    CONTROL_PLANE = "control plane"  # it can be created and described, and does nothing
    MISSING = "missing"


class Local(StrEnum):
    """What the local environment does with a service."""

    NEEDED = "needed"
    SWITCHED = "switched"  # made where the emulator has it: Terraform's variable `capabilities`
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Capability:
    """One service of AWS.

    Attributes:
        service: as boto3 names it.
        used_for: the module of terraform/modules that makes it, or who calls it; empty when nobody of ours does.
        local: what the local environment does with it.
        note: what a user would trip over.
    """

    service: str
    used_for: str
    ministack: Support
    localstack: Support
    local: Local
    note: str = ""
    aws: Support = Support.REAL

    def on(self, provider: Provider) -> Support:
        """How much of it there is."""
        support: Support = getattr(self, provider)
        return support


_REAL, _CONTROL, _MISSING = Support.REAL, Support.CONTROL_PLANE, Support.MISSING
_NEEDED, _SWITCHED, _OFF = Local.NEEDED, Local.SWITCHED, Local.OFF

CAPABILITIES: tuple[Capability, ...] = (
    Capability("s3", "lake: buckets", _REAL, _REAL, _NEEDED),
    Capability(
        "glue", "lake: catalogue", _REAL, _MISSING, _SWITCHED, "without it Iceberg's catalogue is SQL in Postgres"
    ),
    Capability("athena", "lake: queries", _REAL, _MISSING, _OFF, "MiniStack's queries run on DuckDB"),
    Capability("dynamodb", "keyvalue: tables", _REAL, _REAL, _NEEDED),
    Capability("application-autoscaling", "keyvalue: capacity", _MISSING, _MISSING, _OFF),
    Capability(
        "rds",
        "relational",
        _CONTROL,
        _MISSING,
        _SWITCHED,
        "says `available` with nothing behind it; the stack's Postgres answers",
    ),
    Capability("elasticache", "cache", _CONTROL, _MISSING, _OFF, "the stack's Valkey answers"),
    Capability("docdb", "documents", _CONTROL, _MISSING, _OFF, "the stack's Mongo answers"),
    Capability(
        "kafka", "stream: MSK", _CONTROL, _MISSING, _OFF, "the stack's Kafka answers; MiniStack has no serverless ones"
    ),
    Capability("ssm", "config: settings", _REAL, _REAL, _NEEDED),
    Capability("secretsmanager", "config: passwords", _REAL, _REAL, _NEEDED),
    Capability("iam", "access: roles", _CONTROL, _CONTROL, _NEEDED, "policies are kept and not enforced"),
    Capability("sts", "the account check", _REAL, _REAL, _NEEDED),
    Capability("kms", "keys", _REAL, _REAL, _OFF, "MiniStack enciphers by XOR, and another key gives nonsense"),
    Capability("ec2", "network", _CONTROL, _CONTROL, _OFF, "no packet passes through its networks"),
    Capability("ecs", "orchestration: workflows", _CONTROL, _MISSING, _OFF, "`shoplake workflow up` runs them here"),
    Capability("logs", "observability: logs", _REAL, _REAL, _OFF, "LocalStack searches by no pattern"),
    Capability("cloudwatch", "observability: alarms", _REAL, _REAL, _OFF),
    Capability("sns", "observability: alerts", _REAL, _REAL, _OFF),
    Capability("budgets", "observability: budget", _CONTROL, _MISSING, _OFF, "nothing is ever spent"),
    Capability("ce", "observability: cost tags", _MISSING, _MISSING, _OFF),
    Capability("scheduler", "relational: nightly stop", _REAL, _CONTROL, _OFF, "LocalStack never fires"),
    Capability("events", "lake: news of objects", _REAL, _REAL, _OFF, "EventBridge"),
    Capability("sqs", "", _REAL, _REAL, _OFF),
    Capability(
        "resourcegroupstaggingapi", "what survives `destroy`", _REAL, _CONTROL, _OFF, "LocalStack finds nothing"
    ),
)


def support(service: str, provider: Provider) -> Support:
    """How much of a service there is.

    Raises:
        UsageError: the table does not know the service.
    """
    for capability in CAPABILITIES:
        if capability.service == service:
            return capability.on(provider)
    known = ", ".join(capability.service for capability in CAPABILITIES)
    raise UnknownName(f"nothing is known of the service '{service}'", fix=f"choose from {known}")


def missing(emulator: Emulator) -> frozenset[str]:
    """Services that the emulator does not have."""
    return frozenset(row.service for row in CAPABILITIES if row.on(emulator) is Support.MISSING)


def switches(emulator: Emulator) -> dict[str, bool]:
    """What the local environment makes on that emulator and not on every one: Terraform's `capabilities`."""
    return {
        capability.service: capability.on(emulator) is not Support.MISSING
        for capability in CAPABILITIES
        if capability.local is Local.SWITCHED
    }
