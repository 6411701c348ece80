"""Checks that stop an apply or destroy: wrong account, region or workspace, or a loss of data. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from shoplake.errors import GuardRefused
from shoplake.infra.environments import Environment, Place
from shoplake.infra.plan_json import Plan

TYPED = frozenset({"prod"})  # environments whose name must be typed as confirmation

# Resource types whose data cannot be restored from elsewhere.
STATEFUL = frozenset(
    {
        "aws_db_instance",
        "aws_docdb_cluster",
        "aws_dynamodb_table",
        "aws_elasticache_replication_group",
        "aws_glue_catalog_database",
        "aws_kms_key",
        "aws_msk_cluster",
        "aws_msk_serverless_cluster",
        "aws_s3_bucket",
        "aws_secretsmanager_secret",
    }
)


def refuse_wrong_endpoint(environment: Environment, aws: Mapping[str, str]) -> None:
    """An emulated environment needs an emulator's endpoint; one on AWS must have none.

    Raises:
        GuardRefused: the endpoint is missing, or AWS's, or set where it must not be.
    """
    if environment.on_aws:
        _refuse_emulator(environment, aws)
    else:
        _refuse_real_cloud(environment, aws)


def refuse_other_region(environment: Environment, place: Place, aws: Mapping[str, str]) -> None:
    """Raise GuardRefused if the caller's region is set and is not the environment's region."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        found = aws.get(name)
        if found and found != place.region:
            raise GuardRefused(
                f"environment '{environment.name}' belongs to region {place.region}, but {name} is {found}",
                fix=f"unset {name}, or set it to {place.region}",
            )


def refuse_other_account(environment: Environment, place: Place, account_id: str) -> None:
    """Raise GuardRefused if the caller's account is not the environment's account."""
    if account_id != place.account_id:
        raise GuardRefused(
            f"environment '{environment.name}' belongs to account {place.account_id}, "
            f"but your credentials are for account {account_id}",
            fix=f"set AWS_PROFILE to a profile of {place.account_id}",
        )


def refuse_other_workspace(environment: Environment, aws: Mapping[str, str], selected: str) -> None:
    """Raise unless the workspace is `default`: every environment has its own root module.

    Raises:
        GuardRefused: another one is selected, by TF_WORKSPACE or in Terraform's data folder.
    """
    found = aws.get("TF_WORKSPACE") or selected or "default"
    if found != "default":
        raise GuardRefused(
            f"environment '{environment.name}' uses the workspace 'default', but '{found}' is selected",
            fix="unset TF_WORKSPACE and run `terraform workspace select default`",
        )


def refuse_lost_data(environment: Environment, plan: Plan, allowed: Collection[str]) -> None:
    """Raise GuardRefused if the plan destroys or replaces a resource with data whose address is not allowed."""
    lost = [one.address for one in plan.changes if one.type in STATEFUL and "delete" in one.actions]
    unknown = sorted(set(allowed) - set(lost))
    if unknown:
        raise GuardRefused(
            f"the plan of '{environment.name}' does not destroy these --allow-destroy addresses: {', '.join(unknown)}",
            fix="copy the address from the plan, with its index",
        )
    refused = [address for address in lost if address not in allowed]
    if refused:
        listed = "".join(f"\n  - {address}" for address in refused)
        options = " ".join(f"--allow-destroy '{address}'" for address in refused)
        raise GuardRefused(
            f"the plan of '{environment.name}' destroys resources with data:{listed}",
            fix=f"if the data may be lost, run again with {options}",
        )


def refuse_untyped(environment: Environment, typed: str | None) -> None:
    """Raise GuardRefused if the environment's name must be typed and was not."""
    if environment.name in TYPED and typed != environment.name:
        found = "nothing" if typed is None else f"'{typed}'"
        raise GuardRefused(
            f"to change '{environment.name}', its name must be typed as confirmation; {found} was typed",
            fix=f"type {environment.name} when asked, or add --confirm {environment.name}",
        )


def _refuse_emulator(environment: Environment, aws: Mapping[str, str]) -> None:
    for name, url in sorted(aws.items()):
        if name.startswith("AWS_ENDPOINT_URL") and url:
            raise GuardRefused(
                f"environment '{environment.name}' belongs to AWS, but {name} is {url}", fix=f"unset {name}"
            )


def _refuse_real_cloud(environment: Environment, aws: Mapping[str, str]) -> None:
    url = aws.get("AWS_ENDPOINT_URL", "")
    host = urlsplit(url).hostname or ""
    if not host:
        raise GuardRefused(
            f"environment '{environment.name}' belongs to an emulator, but AWS_ENDPOINT_URL "
            f"is {f'{url!r}, which is not an address' if url else 'not set'}",
            fix="start the stack with `shoplake up`",
        )
    if host == "amazonaws.com" or host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".api.aws")):
        raise GuardRefused(
            f"environment '{environment.name}' belongs to an emulator, but AWS_ENDPOINT_URL is {url}, which is AWS",
            fix="unset AWS_ENDPOINT_URL and start the stack with `shoplake up`",
        )
