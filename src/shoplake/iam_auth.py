"""IAM authentication for Postgres, Valkey and Kafka on AWS, and secrets that AWS rotates.

A token is signed locally with the caller's credentials; only finding the credentials may need the network. Nothing is
cached: each connection gets a new token, since a token is valid for 15 minutes and a secret can be rotated at any time.
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
class ManagedSecret:
    """User and password of a store, stored and rotated by AWS."""

    user: str
    password: str


def managed_secret(arn: str) -> ManagedSecret:
    """Read the secret in which RDS or DocumentDB keeps its master user.

    Raises:
        InfraError: the secret could not be read, or its content is not as expected.
    """
    try:
        answer = aws.client("secretsmanager").get_secret_value(SecretId=arn)
        value = json.loads(answer["SecretString"])
        return ManagedSecret(value["username"], value["password"])
    except (BotoCoreError, ClientError) as error:
        raise InfraError(
            f"the secret {arn} could not be read: {error}",
            fix="allow the role secretsmanager:GetSecretValue on the secret and kms:Decrypt on its key (module access)",
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise NoCredentials(f"expected JSON with username and password in the secret {arn}") from error


def postgres_token(host: str, port: int, user: str) -> str:
    """Sign a token: the password of one connection to RDS.

    Raises:
        InfraError: there are no AWS credentials.
    """
    _credentials()
    rds = aws.client("rds")
    token: str = rds.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user, Region=aws.region())
    return token


class ValkeyTokens(CredentialProvider):
    """Provides user and token for each connection to ElastiCache.

    The token is a presigned URL without its scheme:
    https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
    """

    def __init__(self, user: str, cluster: str) -> None:
        self._user = user
        self._cluster = cluster

    def get_credentials(self) -> tuple[str, str]:
        """Sign a token and return it with the user.

        Raises:
            InfraError: there are no AWS credentials.
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
    """Provides a token for each connection to MSK."""

    async def token(self) -> str:
        """Sign a token. Runs in a thread, because finding credentials may call a metadata server.

        Raises:
            InfraError: there are no AWS credentials.
        """
        return await asyncio.to_thread(self._sign)

    def _sign(self) -> str:
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

        _credentials()
        token, _ = MSKAuthTokenProvider.generate_auth_token(aws.region())
        signed: str = token
        return signed


def kafka_options() -> dict[str, Any]:
    """Options of an aiokafka client that logs in to MSK with IAM."""
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
        raise NoCredentials(f"cannot sign a token, AWS credentials were not found: {error}", fix=fix) from error
    if found is None:
        raise InfraError("cannot sign a token: there are no AWS credentials", fix=fix)
    return found
