"""Tokens are signed without a network, name whom and what they are for, and end soon."""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from shoplake import iam_auth
from shoplake.errors import InfraError

SIGNED = ("X-Amz-Signature", "X-Amz-Credential")


@pytest.fixture(autouse=True)
def role(monkeypatch, tmp_path):
    """Credentials of a role, and none that the machine may have."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-a-role")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    nobody(monkeypatch, tmp_path)


def nobody(monkeypatch, tmp_path):
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def said(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(f"https://{url}").query).items()}


def test_a_token_for_postgres_names_the_instance_and_the_user():
    token = iam_auth.postgres_token("db.example.com", 5432, "shoplake_app")
    assert token.startswith("db.example.com:5432/?")
    assert said(token)["Action"] == "connect"
    assert said(token)["DBUser"] == "shoplake_app"
    assert set(SIGNED) <= said(token).keys()
    assert "eu-central-1/rds-db" in said(token)["X-Amz-Credential"]


def test_a_token_for_valkey_names_the_cache_and_the_user():
    user, token = iam_auth.ValkeyTokens("shoplake-dev-cache-app", "shoplake-dev-cache").get_credentials()
    assert user == "shoplake-dev-cache-app"
    assert token.startswith("shoplake-dev-cache/?")
    assert said(token)["User"] == user
    assert said(token)["X-Amz-Expires"] == "900"
    assert said(token)["X-Amz-Security-Token"] == "of-a-role"
    assert "eu-central-1/elasticache" in said(token)["X-Amz-Credential"]


async def test_a_token_for_kafka_lets_its_bearer_connect_to_msk():
    token = await iam_auth.KafkaTokens().token()
    url = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    assert urlsplit(url).hostname == "kafka.eu-central-1.amazonaws.com"
    assert said(url.removeprefix("https://"))["Action"] == "kafka-cluster:Connect"


TOKENS = {
    "postgres": lambda: iam_auth.postgres_token("db.example.com", 5432, "shoplake_app"),
    "valkey": lambda: iam_auth.ValkeyTokens("user", "cache").get_credentials(),
    "kafka": lambda: asyncio.run(iam_auth.KafkaTokens().token()),
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS.keys())
def test_missing_credentials_are_reported_with_what_to_do(token, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    with pytest.raises(InfraError, match="AWS_PROFILE"):
        token()
