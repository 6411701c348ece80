"""Remove what blocks a destroy: objects in buckets and deletion protection. Only for a plan that passed the guards.

Protection is removed through the APIs, not by an apply with other values: that apply would recreate resources that an
earlier, interrupted destroy has already deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from shoplake.errors import InfraError
from shoplake.infra.aws_clients import Clients
from shoplake.infra.plan_json import Plan, Resource
from shoplake.infra.terraform_output import Report

PAGE = 1000  # what one call of DeleteObjects takes
GONE = frozenset({"NoSuchBucket", "ResourceNotFoundException", "DBInstanceNotFound", "DBClusterNotFoundFault"})


def obstacles(plan: Plan) -> tuple[Resource, ...]:
    """Return the resources of the plan that AWS would refuse to delete. Pure."""
    doomed = (one for one in plan.changes if one.mode == "managed" and one.actions == ("delete",))
    return tuple(one for one in doomed if one.type in _CLEAR and _in_the_way(one))


def clear(found: Iterable[Resource], clients: Clients, report: Report) -> None:
    """Empty buckets and remove protection. It is safe to repeat, also if a resource is deleted already.

    Raises:
        InfraError: AWS refused; the message names the resource.
    """
    for one in found:
        report(f"preparing {one.address} for deletion")
        try:
            _CLEAR[one.type](clients, one.prior)
        except ClientError as error:
            if error.response["Error"]["Code"] not in GONE:
                raise InfraError(f"{one.address} could not be prepared for deletion: {error}") from error


def _in_the_way(one: Resource) -> bool:
    return one.type == "aws_s3_bucket" or bool(
        one.prior.get("deletion_protection") or one.prior.get("deletion_protection_enabled")
    )


def _empty_bucket(clients: Clients, prior: Mapping[str, Any]) -> None:
    s3, bucket = clients("s3"), prior["bucket"]
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, MaxKeys=PAGE):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        keys = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in versions]
        if not keys:
            continue
        refused = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True}).get("Errors", [])
        if refused:
            raise InfraError(
                f"{len(refused)} objects of bucket {bucket} could not be deleted, the first is "
                f"{refused[0]['Key']}: {refused[0].get('Message', refused[0].get('Code'))}"
            )


def _unprotect_instance(clients: Clients, prior: Mapping[str, Any]) -> None:
    clients("rds").modify_db_instance(
        DBInstanceIdentifier=prior["identifier"], DeletionProtection=False, ApplyImmediately=True
    )


def _unprotect_documents(clients: Clients, prior: Mapping[str, Any]) -> None:
    clients("docdb").modify_db_cluster(
        DBClusterIdentifier=prior["cluster_identifier"], DeletionProtection=False, ApplyImmediately=True
    )


def _unprotect_table(clients: Clients, prior: Mapping[str, Any]) -> None:
    clients("dynamodb").update_table(TableName=prior["name"], DeletionProtectionEnabled=False)


_CLEAR: dict[str, Callable[[Clients, Mapping[str, Any]], None]] = {
    "aws_s3_bucket": _empty_bucket,
    "aws_db_instance": _unprotect_instance,
    "aws_docdb_cluster": _unprotect_documents,
    "aws_dynamodb_table": _unprotect_table,
}
