"""The capability table as data; whether its rows are true, `tests/contract` asks the emulators."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shoplake import paths
from shoplake.errors import UsageError
from shoplake.stack import CAPABILITIES, Support, support
from shoplake.stack.capabilities import MEASURED, Emulator, Local, missing, switches

LOCAL_ROOT = paths.project_root() / "terraform" / "environments" / "local"
# What begins a resource's name in Terraform, where that is not the service's name in boto3.
SERVICES = {
    "appautoscaling": "application-autoscaling",
    "cloudwatch_log": "logs",
    "db": "rds",
    "msk": "kafka",
    **dict.fromkeys(
        ("vpc", "subnet", "route", "eip", "flow", "internet", "nat", "security", "default_security"), "ec2"
    ),
}


def service_of(resource_type: str) -> str:
    """The service that a resource of Terraform belongs to."""
    name = resource_type.removeprefix("aws_")
    for prefix in sorted(SERVICES, key=len, reverse=True):
        if name.startswith(f"{prefix}_") or name == prefix:
            return SERVICES[prefix]
    return name.split("_")[0]


def resource_types(folder: Path) -> set[str]:
    found = [re.findall(r'^resource "(aws_\w+)"', file.read_text(), re.MULTILINE) for file in folder.rglob("*.tf")]
    return {each for types in found for each in types}


def test_localstack_lacks_glue_athena_and_databases() -> None:
    assert {support(service, "localstack") for service in ("glue", "athena", "rds")} == {Support.MISSING}


def test_the_database_of_ministack_is_a_control_plane_only() -> None:
    assert support("rds", "ministack") is Support.CONTROL_PLANE


def test_services_missing_from_an_emulator_are_disabled_and_not_queried() -> None:
    for emulator in MEASURED:
        on = {service for service, made in switches(emulator).items() if made}
        assert not on & missing(emulator)
    assert "rds" in missing("localstack")
    assert "rds" not in missing("ministack")


def test_aws_has_everything() -> None:
    assert {row.on("aws") for row in CAPABILITIES} == {Support.REAL}


def test_every_service_is_listed_once() -> None:
    services = [row.service for row in CAPABILITIES]
    assert len(set(services)) == len(services)


def test_an_unknown_service_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="s3"):
        support("quantum", "aws")


def test_every_service_that_a_module_makes_is_in_the_table() -> None:
    modules = paths.project_root() / "terraform" / "modules"
    made = {service_of(each) for each in resource_types(modules)}
    assert len(made) > 15
    assert made <= {row.service for row in CAPABILITIES}


@pytest.mark.parametrize("emulator", MEASURED)
def test_required_services_are_on_every_emulator(emulator: Emulator) -> None:
    needed = [row for row in CAPABILITIES if row.local is Local.NEEDED]
    assert [row.service for row in needed if row.on(emulator) is Support.MISSING] == []


def test_services_missing_from_an_emulator_are_disabled() -> None:
    assert switches("ministack") == {"glue": True, "rds": True}
    assert switches("localstack") == {"glue": False, "rds": False}


def test_terraform_has_exactly_these_switches() -> None:
    # Terraform drops an attribute that its type does not name, without a word.
    declared = (LOCAL_ROOT / "variables.tf").read_text().partition('variable "capabilities"')[2].partition("\n}")[0]
    # Log exports are off on every emulator, so the table has no row for them: MiniStack forgets which there are.
    assert set(re.findall(r"(\w+)\s*=\s*optional\(bool", declared)) == switches("localstack").keys() | {"rds_logs"}
