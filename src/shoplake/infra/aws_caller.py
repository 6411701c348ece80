"""Who calls AWS from this machine, and with which of its variables. Asks AWS; decides nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping

from shoplake.errors import NoCredentials


def environment() -> dict[str, str]:
    """The caller's own AWS variables, and the workspace it selected, for the guards to judge."""
    return {key: value for key, value in os.environ.items() if key.startswith("AWS_") or key == "TF_WORKSPACE"}


def account_id(region: str) -> str:
    """The account of the caller's credentials.

    Raises:
        InfraError: there are none, or AWS does not take them.
    """
    import boto3  # half a second, and only environments on AWS need it
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer: Mapping[str, str] = boto3.client("sts", region_name=region).get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        raise NoCredentials(
            f"AWS does not say which account you are: {error}",
            fix="sign in (`aws sso login`) or set AWS_PROFILE; `shoplake plan ENV --dry-run` needs no account",
        ) from error
    return answer["Account"]
