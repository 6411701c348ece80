"""Find resources that still exist after a destroy, through the AWS APIs and not the Terraform state.

It searches in two ways, because neither finds everything: by tag, for resources that Terraform tagged, and by name,
for resources without tags or created by an AWS service (log groups, snapshots).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from shoplake.errors import InfraError
from shoplake.infra.aws_clients import Clients

PROJECT = "shoplake"


@dataclass(frozen=True, slots=True, order=True)
class Survivor:
    """A resource that still exists. `meant` gives the reason if it is kept on purpose."""

    name: str
    meant: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.meant})" if self.meant else self.name


def find(environment: str, clients: Clients, *, missing: Collection[str] = ()) -> tuple[Survivor, ...]:
    """Return everything left of an environment, by ARN or name, sorted.

    Args:
        environment: its name.
        clients: for its account.
        missing: services that the emulator lacks, by boto3 name; they are not searched.

    Raises:
        InfraError: an API did not answer, so the result is unknown.
    """
    found: set[Survivor] = set()
    for service, ask in _ASK:
        if service in missing:
            continue
        try:
            found.update(ask(clients, environment))
        except (BotoCoreError, ClientError) as error:
            raise InfraError(
                f"{service} could not be searched for leftovers of '{environment}': {error}",
                fix="run the same command again; it is safe to repeat",
            ) from error
    return tuple(sorted(found))


def report(environment: str, found: Collection[Survivor]) -> str:
    """Return text about resources that are kept on purpose. Empty if there are none.

    Raises:
        InfraError: other resources still exist. The message lists them.
    """
    left = [one for one in found if not one.meant]
    if left:
        listed = "".join(f"\n  - {one}" for one in left)
        raise InfraError(
            f"{len(left)} resources of '{environment}' still exist:{listed}",
            fix=f"run `shoplake destroy {environment}` again; delete resources outside the Terraform state by hand",
        )
    return "".join(f"kept: {one}\n" for one in found)


def _tagged(clients: Clients, environment: str) -> Iterator[Survivor]:
    tags = [{"Key": "project", "Values": [PROJECT]}, {"Key": "environment", "Values": [environment]}]
    pages = clients("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=tags)
    for page in pages:
        for resource in page["ResourceTagMappingList"]:
            survivor = _looked_at(clients, resource["ResourceARN"])
            if survivor is not None:
                yield survivor


def _looked_at(clients: Clients, arn: str) -> Survivor | None:
    """Check a tagged resource through its service: the tag index lists deleted resources for hours."""
    service, kind = arn.split(":")[2], arn.split(":", 5)[5].partition("/")[0]
    look = _LOOK.get((service, kind)) or _LOOK.get((service, ""))
    if look is None:
        return Survivor(arn)
    try:
        return look(clients, arn)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in {"404", "ValidationError"} or "NotFound" in code or "NoSuch" in code:
            return None
        raise


def _key(clients: Clients, arn: str) -> Survivor:
    key = clients("kms").describe_key(KeyId=arn)["KeyMetadata"]
    return Survivor(arn, meant=_on(key.get("DeletionDate")))


def _bucket(clients: Clients, arn: str) -> Survivor:
    clients("s3").head_bucket(Bucket=arn.rpartition(":")[2])
    return Survivor(arn)


def _table(clients: Clients, arn: str) -> Survivor:
    clients("dynamodb").describe_table(TableName=arn.rpartition("/")[2])
    return Survivor(arn)


def _listed_below(clients: Clients, arn: str) -> None:
    """Secrets, parameters and log groups are listed by name."""
    del clients, arn


_LOOK: dict[tuple[str, str], Callable[[Clients, str], Survivor | None]] = {
    ("kms", "key"): _key,
    ("s3", ""): _bucket,
    ("dynamodb", "table"): _table,
    ("secretsmanager", ""): _listed_below,
    ("ssm", ""): _listed_below,
    ("logs", ""): _listed_below,
}


def _parameters(clients: Clients, environment: str) -> Iterator[Survivor]:
    pages = clients("ssm").get_paginator("get_parameters_by_path")
    for page in pages.paginate(Path=f"/{PROJECT}/{environment}", Recursive=True):
        yield from (Survivor(f"parameter {parameter['Name']}") for parameter in page["Parameters"])


def _secrets(clients: Clients, environment: str) -> Iterator[Survivor]:
    pages = clients("secretsmanager").get_paginator("list_secrets").paginate(IncludePlannedDeletion=True)
    for page in pages:
        for secret in page["SecretList"]:
            if secret["Name"].startswith(f"{PROJECT}/{environment}/"):
                yield Survivor(f"secret {secret['Name']}", meant=_on(secret.get("DeletedDate")))


def _log_groups(clients: Clients, environment: str) -> Iterator[Survivor]:
    for page in clients("logs").get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            if any(f"{part}-".startswith(_prefix(environment)) for part in group["logGroupName"].split("/")):
                yield Survivor(f"log group {group['logGroupName']}")


def _database_snapshots(clients: Clients, environment: str) -> Iterator[Survivor]:
    for page in clients("rds").get_paginator("describe_db_snapshots").paginate(SnapshotType="manual"):
        yield from _kept(environment, (one["DBSnapshotIdentifier"] for one in page["DBSnapshots"]))


def _document_snapshots(clients: Clients, environment: str) -> Iterator[Survivor]:
    for page in clients("docdb").get_paginator("describe_db_cluster_snapshots").paginate(SnapshotType="manual"):
        yield from _kept(environment, (one["DBClusterSnapshotIdentifier"] for one in page["DBClusterSnapshots"]))


def _cache_snapshots(clients: Clients, environment: str) -> Iterator[Survivor]:
    for page in clients("elasticache").get_paginator("describe_snapshots").paginate(SnapshotSource="user"):
        yield from _kept(environment, (one["SnapshotName"] for one in page["Snapshots"]))


def _kept(environment: str, snapshots: Iterable[str]) -> Iterator[Survivor]:
    mine = (name for name in snapshots if name.startswith(_prefix(environment)))
    yield from (
        Survivor(f"snapshot {name}", meant="final snapshot of the data; delete it when it is not needed")
        for name in mine
    )


def _roles(clients: Clients, environment: str) -> Iterator[Survivor]:
    for page in clients("iam").get_paginator("list_roles").paginate():
        yield from (Survivor(one["Arn"]) for one in page["Roles"] if one["RoleName"].startswith(_prefix(environment)))


def _policies(clients: Clients, environment: str) -> Iterator[Survivor]:
    for page in clients("iam").get_paginator("list_policies").paginate(Scope="Local"):
        yield from (
            Survivor(one["Arn"]) for one in page["Policies"] if one["PolicyName"].startswith(_prefix(environment))
        )


def _prefix(environment: str) -> str:
    return f"{PROJECT}-{environment}-"


def _on(when: Any) -> str:  # noqa: ANN401 - a datetime, or nothing
    return f"AWS deletes it, {when:%Y-%m-%d}" if when else ""


_ASK: tuple[tuple[str, Callable[[Clients, str], Iterator[Survivor]]], ...] = (
    ("resourcegroupstaggingapi", _tagged),
    ("ssm", _parameters),
    ("secretsmanager", _secrets),
    ("logs", _log_groups),
    ("rds", _database_snapshots),
    ("docdb", _document_snapshots),
    ("elasticache", _cache_snapshots),
    ("iam", _roles),
    ("iam", _policies),
)
