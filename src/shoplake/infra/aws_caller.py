"""The identity and environment variables of the AWS caller. It asks AWS; it makes no decision."""

from __future__ import annotations

import os
from collections.abc import Mapping

from shoplake.errors import NoCredentials


def environment() -> dict[str, str]:
    """Return the caller's AWS variables and selected workspace, for the guards."""
    return {key: value for key, value in os.environ.items() if key.startswith("AWS_") or key == "TF_WORKSPACE"}


def account_id(region: str) -> str:
    """Return the AWS account of the caller's credentials.

    Raises:
        InfraError: there are no credentials, or AWS rejects them.
    """
    import boto3  # half a second, and only environments on AWS need it
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer: Mapping[str, str] = boto3.client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise NoCredentials(
            f"the AWS account of your credentials is unknown: {error}",
            fix="sign in (`aws sso login`) or set AWS_PROFILE; `shoplake plan ENV --dry-run` needs no AWS account",
        ) from error
    return answer["Account"]
