"""What each emulator of AWS really has, per service. `doctor` shows it; the local environment leaves out the rest."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from shoplake.errors import UsageError

Emulator = Literal["ministack", "localstack", "aws"]


class Support(StrEnum):
    """How much of a service there is."""

    REAL = "real"
    CONTROL_PLANE = "control plane"  # it can be created and described, and does nothing
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Capability:
    """One service of AWS, by the name boto3 gives it; `note` says what a user would trip over."""

    service: str
    ministack: Support
    localstack: Support
    note: str = ""
    aws: Support = Support.REAL

    def on(self, emulator: Emulator) -> Support:
        """How much of it that emulator has."""
        support: Support = getattr(self, emulator)
        return support


_REAL, _CONTROL, _MISSING = Support.REAL, Support.CONTROL_PLANE, Support.MISSING

# MiniStack 1.5.33 as the stack runs it (no Docker), LocalStack 4.14.0 (the last open tag).
CAPABILITIES: tuple[Capability, ...] = (
    Capability("s3", _REAL, _REAL),
    Capability("dynamodb", _REAL, _REAL),
    Capability("ssm", _REAL, _REAL),
    Capability("secretsmanager", _REAL, _REAL),
    Capability("iam", _CONTROL, _CONTROL, "policies are kept and not enforced"),
    Capability("kms", _REAL, _REAL),
    Capability("glue", _REAL, _MISSING, "the catalogue; without it Iceberg's is in Postgres"),
    Capability("athena", _REAL, _MISSING, "queries run on DuckDB"),
    Capability("rds", _CONTROL, _MISSING, "says `available` with nothing behind it; the stack's Postgres answers"),
    Capability("kafka", _CONTROL, _MISSING, "MSK; the stack's Kafka answers"),
    Capability("sns", _REAL, _REAL),
    Capability("sqs", _REAL, _REAL),
    Capability("logs", _REAL, _REAL, "CloudWatch Logs"),
    Capability("events", _REAL, _REAL, "EventBridge"),
)


def support(service: str, emulator: Emulator) -> Support:
    """How much of a service an emulator has.

    Raises:
        UsageError: the table does not know the service.
    """
    for capability in CAPABILITIES:
        if capability.service == service:
            return capability.on(emulator)
    known = ", ".join(capability.service for capability in CAPABILITIES)
    raise UsageError(f"nothing is known of the service '{service}'", fix=f"choose from {known}")
