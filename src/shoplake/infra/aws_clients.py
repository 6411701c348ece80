"""boto3 clients for an environment: for the account of the caller's profile, or for an emulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shoplake.infra.environments import Environment

Clients = Callable[[str], Any]
"""Returns the boto3 client of a service by name."""


def clients(chosen: Environment, aws: Mapping[str, str]) -> Clients:
    """Return clients with the credentials and endpoint in `aws` (AWS_…). Each is created at its first use.

    Raises:
        InfraError: the region of an environment on AWS is missing.
    """
    import boto3  # half a second, and few commands need it
    from botocore.config import Config

    endpoint = aws.get("AWS_ENDPOINT_URL")
    session = boto3.Session(
        aws_access_key_id=aws.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=aws.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=aws.get("AWS_SESSION_TOKEN"),
        profile_name=aws.get("AWS_PROFILE"),
        region_name=chosen.place().region if chosen.on_aws else aws.get("AWS_REGION"),
    )
    config = Config(
        connect_timeout=10,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 6},
        s3={"addressing_style": "path" if endpoint else "auto"},
    )
    made: dict[str, Any] = {}

    def client(service: str) -> Any:  # noqa: ANN401 - boto3 has no types
        if service not in made:
            made[service] = session.client(service, endpoint_url=endpoint, config=config)
        return made[service]

    return client
