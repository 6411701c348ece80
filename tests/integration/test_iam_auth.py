"""Logging in as on AWS, as far as a real Postgres and an emulated Secrets Manager go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from shoplake import aws, iam_auth
from shoplake.errors import InfraError, StoreUnavailable
from shoplake.iam_auth import managed_secret
from shoplake.orchestration import logins
from shoplake.settings import MongoSettings, PostgresSettings, Settings
from shoplake.sinks.postgres.migrate import RDS_LOGIN, grant_iam_login, migrate

pytestmark = pytest.mark.stack
USER = "shoplake_app"


@pytest.fixture
def secret(platform: Settings) -> Iterator[str]:
    client = aws.client("secretsmanager")
    value = json.dumps({"username": "master", "password": "made/by@AWS", "engine": "docdb"})
    arn = client.create_secret(Name="rds!cluster-test", SecretString=value)["ARN"]
    yield arn
    client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def rds(platform: Settings) -> Iterator[PostgresSettings]:
    """A database of its own, in a Postgres that has the role by which RDS lets its members in with IAM."""
    master = platform.postgres
    database = master.model_copy(update={"database": "rds_test"})
    with psycopg.connect(master.conninfo(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(RDS_LOGIN)))
        connection.execute("CREATE DATABASE rds_test")
    yield database
    with psycopg.connect(master.conninfo(), autocommit=True) as connection:
        connection.execute("DROP DATABASE rds_test WITH (FORCE)")
        for role in (USER, RDS_LOGIN):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def test_the_secret_managed_by_aws_is_read_again_for_each_client(platform: Settings, secret: str, tmp_path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("certificates")
    mongo = MongoSettings(uri="mongodb://docs:27017", database="shop", secret_arn=secret, ca_file=bundle)
    assert mongo.options()["password"] == "made/by@AWS"
    rotated = json.dumps({"username": "master", "password": "rotated"})
    aws.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=rotated)
    assert mongo.options() == {
        "host": "mongodb://docs:27017",
        "tlsCAFile": str(bundle),
        "username": "master",
        "password": "rotated",
    }


def test_a_missing_or_malformed_secret_is_named(platform: Settings, secret: str) -> None:
    with pytest.raises(InfraError, match="of-nobody could not be read"):
        managed_secret(secret + "-of-nobody")
    aws.client("secretsmanager").put_secret_value(SecretId=secret, SecretString="no JSON")
    with pytest.raises(InfraError, match="expected JSON with username and password in the secret"):
        managed_secret(secret)


def test_the_iam_user_can_create_the_schema_and_is_not_the_master(rds: PostgresSettings) -> None:
    for _ in range(2):
        grant_iam_login(rds, USER)
    with psycopg.connect(rds.conninfo(), autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD 'for-this-test'").format(sql.Identifier(USER)))
        member = connection.execute("SELECT pg_has_role(%s, %s, 'MEMBER')", [USER, RDS_LOGIN]).fetchone()
        assert member == (True,)
    user = rds.as_user(USER, "for-this-test")
    migrate(user.url())
    migrate(user.url())
    with psycopg.connect(user.conninfo()) as connection:
        assert connection.execute("SELECT count(*) FROM shop.orders").fetchone() == (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE ROLE another")


def test_a_database_that_rejects_the_master_is_named(platform: Settings) -> None:
    wrong = platform.postgres.as_user("nobody", "wrong")
    with pytest.raises(StoreUnavailable, match="refused the login of 'nobody'"):
        grant_iam_login(wrong, USER)


def test_records_of_workflows_are_reached_with_a_new_token_for_each_connection(
    platform: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    master = platform.postgres
    tokens = ["expired", master.password.get_secret_value()]
    monkeypatch.setattr(logins, "_listens", False)
    monkeypatch.setenv(logins.LOGIN_VARIABLE, "iam")
    monkeypatch.setattr(iam_auth, "postgres_token", lambda host, port, user: tokens.pop(0))
    address = f"postgresql+psycopg2://{master.user}:old@{master.host}:{master.port}/{master.database}"
    listen = sqlalchemy.event.listen
    added: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(sqlalchemy.event, "listen", lambda *given: (added.append(given), listen(*given)))
        logins.renew(address)
    try:
        engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
        with pytest.raises(sqlalchemy.exc.OperationalError, match="password authentication failed"):
            engine.connect()
        with engine.connect() as connection:
            assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
        assert tokens == []
    finally:
        for given in added:
            sqlalchemy.event.remove(*given)
