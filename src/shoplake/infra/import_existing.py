"""Find resources that an interrupted run left on an emulator, so that the next run can import them. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shoplake.infra.terraform_output import Diagnostic

# Created whole by one call; the rest of its creation is the provider's wait. Interrupted there, Terraform would
# destroy and create it again, with two fixed waits of more than a minute.
KEPT_WHEN_TAINTED = frozenset({"aws_db_instance"})

# The attribute by which a resource is imported, or a pattern of account and name.
IMPORT_IDS: Mapping[str, str] = {
    "aws_db_instance": "identifier",
    "aws_db_parameter_group": "name",
    "aws_db_subnet_group": "name",
    "aws_dynamodb_table": "name",
    "aws_iam_policy": "arn:aws:iam::{account}:policy/{name}",
    "aws_iam_role": "name",
    "aws_glue_catalog_database": "{account}:{name}",
    "aws_s3_bucket": "bucket",
    "aws_secretsmanager_secret": "name",
    "aws_ssm_parameter": "name",
}
EXISTS = re.compile(r"already\s*exists|AlreadyOwnedByYou|ResourceInUse|ResourceExists", re.IGNORECASE)


def wrongly_tainted(state: Mapping[str, Any]) -> list[str]:
    """Return addresses in a state file that were created, but whose wait was interrupted."""
    return [
        _address(resource, instance)
        for resource in state.get("resources", [])
        for instance in resource["instances"]
        if resource["type"] in KEPT_WHEN_TAINTED and instance.get("status") == "tainted"
    ]


def orphans(errors: Iterable[Diagnostic]) -> list[str]:
    """Return addresses of resources that exist but are not in the state, because the run was killed."""
    return [error.address for error in errors if error.address and EXISTS.search(f"{error.summary} {error.detail}")]


def import_ids(plan: Mapping[str, Any], addresses: Iterable[str], account: str) -> dict[str, str]:
    """Return address -> import id from the JSON of a plan. Resources that cannot be imported are skipped."""
    wanted = set(addresses)
    return {
        resource["address"]: _import_id(IMPORT_IDS[resource["type"]], resource["values"], account)
        for resource in _resources(plan["planned_values"]["root_module"])
        if resource["address"] in wanted and resource["type"] in IMPORT_IDS
    }


def import_blocks(ids: Mapping[str, str]) -> str:
    """Return the `import` blocks for the next apply."""
    return "".join(f"import {{\n  to = {address}\n  id = {json.dumps(key)}\n}}\n" for address, key in ids.items())


def _import_id(pattern: str, values: Mapping[str, Any], account: str) -> str:
    if "{" in pattern:
        return pattern.format(account=account, name=values["name"])
    return str(values[pattern])


def _resources(module: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _address(resource: Mapping[str, Any], instance: Mapping[str, Any]) -> str:
    key = instance.get("index_key")
    index = "" if key is None else f'["{key}"]' if isinstance(key, str) else f"[{key}]"
    module = f"{resource['module']}." if resource.get("module") else ""
    return f"{module}{resource['type']}.{resource['name']}{index}"
