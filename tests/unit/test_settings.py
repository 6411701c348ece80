"""How a store is reached: by password on a laptop, by IAM over verified TLS on AWS."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from shoplake import kafka
from shoplake.iam_auth import KafkaTokens, ValkeyTokens
from shoplake.settings import KafkaSettings, MongoSettings, PostgresSettings, RedisSettings

POSTGRES = {"host": "db.example.com", "port": 5432, "database": "shop", "user": "app"}
REDIS = {"host": "cache.example.com", "port": 6379}


@pytest.fixture
def ca_file(tmp_path):
    file = tmp_path / "ca bundle.pem"
    file.write_text("certificates")
    return file


@pytest.fixture
def role(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-a-secret")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")


def test_a_password_with_odd_characters_survives_the_uri():
    found = PostgresSettings(**POSTGRES, password="a/b@c d")
    assert found.conninfo() == "postgresql://app:a%2Fb%40c%20d@db.example.com:5432/shop"


def test_login_by_iam_puts_a_token_in_place_of_the_password_and_checks_the_server(ca_file, role):
    found = PostgresSettings(**POSTGRES, login="iam", ca_file=ca_file)
    assert "X-Amz-Signature" in found.conninfo()
    assert "sslmode=verify-full&sslrootcert=" in found.conninfo()
    assert "X-Amz-Signature" in (found.url().password or "")
    assert found.url().query == {"sslmode": "verify-full", "sslrootcert": str(ca_file)}


def test_a_token_is_never_sent_to_a_server_nobody_checked():
    with pytest.raises(ValidationError, match="SHOPLAKE_POSTGRES__CA_FILE"):
        PostgresSettings(**POSTGRES, login="iam")


def test_the_master_logs_in_with_a_password_over_the_same_tls(ca_file):
    master = PostgresSettings(**POSTGRES, login="iam", ca_file=ca_file).as_user("master", "made")
    assert master.conninfo().startswith("postgresql://master:made@")
    assert "verify-full" in master.conninfo()


def test_no_password_shows_when_settings_are_printed():
    assert "hush" not in repr(PostgresSettings(**POSTGRES, password="hush"))
    assert "hush" not in repr(RedisSettings(**REDIS, password="hush"))


@pytest.mark.parametrize("section", [PostgresSettings, RedisSettings])
def test_without_login_and_without_password_it_says_what_is_missing(section):
    given = POSTGRES if section is PostgresSettings else REDIS
    with pytest.raises(ValidationError, match="expected a password, found none"):
        section(**given)


def test_valkey_by_iam_is_reached_over_tls_with_tokens():
    options = RedisSettings(**REDIS, login="iam", user="app", cluster="shoplake-dev-cache").options()
    assert options["ssl"] is True
    assert isinstance(options["credential_provider"], ValkeyTokens)
    assert "password" not in options


def test_a_made_secret_wants_a_checked_server():
    with pytest.raises(ValidationError, match="SHOPLAKE_MONGO__CA_FILE"):
        MongoSettings(uri="mongodb://docs.example.com", database="shop", secret_arn="arn:aws:secretsmanager:…")


def test_msk_is_reached_over_tls_with_tokens():
    options = kafka.client_options(KafkaSettings(bootstrap_servers="b-1:9098", login="iam"))
    assert options["security_protocol"] == "SASL_SSL"
    assert isinstance(options["sasl_oauth_token_provider"], KafkaTokens)


def test_a_kafka_without_login_is_reached_as_it_is():
    assert kafka.client_options(KafkaSettings(bootstrap_servers="h:1")) == {"bootstrap_servers": "h:1"}
