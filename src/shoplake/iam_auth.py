"""Passwords that AWS makes on demand: tokens signed with the caller's own credentials, and secrets that AWS rotates.

Signing needs no network beyond what finds the credentials. Nothing here is kept: each connection asks anew, since a
token lives for a quarter of an hour and a rotated secret changes without notice.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from aiokafka.abc import AbstractTokenProvider
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ServiceId
from botocore.signers import RequestSigner
from redis.credentials import CredentialProvider

from shoplake import aws
from shoplake.errors import InfraError, NoCredentials

TOKEN_LIFETIME_S = 900


@dataclass(frozen=True, slots=True)
class MadeSecret:
    """User and password of a store as AWS keeps and rotates them."""

    user: str
    password: str


def made_secret(arn: str) -> MadeSecret:
    """The secret in which RDS or DocumentDB keeps the master user it made.

    Raises:
        InfraError: it could not be read, or holds something else.
    """
    try:
        answer = aws.client("secretsmanager").get_secret_value(SecretId=arn)
        value = json.loads(answer["SecretString"])
        return MadeSecret(value["username"], value["password"])
    except (BotoCoreError, ClientError) as error:
        raise InfraError(
            f"the secret {arn} could not be read: {error}",
            fix="the role needs secretsmanager:GetSecretValue on it and kms:Decrypt on its key (module access)",
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise NoCredentials(f"the secret {arn} holds no JSON with username and password") from error


def postgres_token(host: str, port: int, user: str) -> str:
    """A password for one connection to RDS.

    Raises:
        InfraError: there are no credentials to sign with.
    """
    _credentials()
    rds = aws.client("rds")
    token: str = rds.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user, Region=aws.region())
    return token


class ValkeyTokens(CredentialProvider):
    """A user and a token for each connection to ElastiCache.

    The token is a presigned URL without its scheme:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
    """

    def __init__(self, user: str, cluster: str) -> None:
        self._user = user
        self._cluster = cluster

    def get_credentials(self) -> tuple[str, str]:
        """User and token.

        Raises:
            InfraError: there are no credentials to sign with.
        """
        signer = RequestSigner(
            ServiceId("elasticache"), aws.region(), "elasticache", "v4", _credentials(), aws.session().events
        )
        request = {
            "method": "GET",
            "url": f"http://{self._cluster}/?Action=connect&User={self._user}",
            "body": {},
            "headers": {},
            "context": {},
        }
        url: str = signer.generate_presigned_url(request, operation_name="connect", expires_in=TOKEN_LIFETIME_S)
        return self._user, url.removeprefix("http://")


class KafkaTokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka has no types
    """A token for each connection to MSK."""

    async def token(self) -> str:
        """The token; finding the credentials may ask a metadata server, so it is done beside the event loop.

        Raises:
            InfraError: there are no credentials to sign with.
        """
        return await asyncio.to_thread(self._sign)

    def _sign(self) -> str:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

        _credentials()
        token, _ = MSKAuthTokenProvider.generate_auth_token(aws.region())
        signed: str = token
        return signed


def kafka_options() -> dict[str, Any]:
    """What an aiokafka client needs to log in to MSK by IAM."""
    from aiokafka.helpers import create_ssl_context

    return {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_oauth_token_provider": KafkaTokens(),
        "ssl_context": create_ssl_context(),
    }


def _credentials() -> Any:  # noqa: ANN401 - boto3 has no types
    fix = "set AWS_PROFILE, or run where a role is attached (module access)"
    try:
        found = aws.session().get_credentials()
    except BotoCoreError as error:
        raise NoCredentials(f"no token could be signed, the credentials were not found: {error}", fix=fix) from error
    if found is None:
        raise InfraError("no token could be signed: there are no credentials of AWS", fix=fix)
    return found
