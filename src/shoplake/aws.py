"""Create boto3 clients with bounded time-outs and retries; on an emulator (`AWS_ENDPOINT_URL`) with path-style S3."""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.config import Config

DEFAULT_REGION = "us-east-1"


def region() -> str:
    """The AWS region: `AWS_REGION`, `AWS_DEFAULT_REGION`, else us-east-1."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


def endpoint_url() -> str | None:
    """The URL of the emulator; None on AWS."""
    return os.environ.get("AWS_ENDPOINT_URL")


def session() -> boto3.session.Session:
    """A boto3 session, which finds credentials and holds event hooks."""
    return boto3.session.Session(region_name=region())


def client(service: str, *, max_attempts: int = 4, read_timeout_s: float = 20, pool: int = 16) -> Any:  # noqa: ANN401
    """Create a boto3 client of a service. Credentials come from boto3's default chain."""
    config = Config(
        region_name=region(),
        connect_timeout=5,
        read_timeout=read_timeout_s,
        max_pool_connections=pool,
        retries={"mode": "standard", "max_attempts": max_attempts},
        s3={"addressing_style": "path" if endpoint_url() else "auto"},
    )
    return boto3.client(service, config=config)
