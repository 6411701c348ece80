"""The local environment on a MiniStack of its own: built, read, changed, broken, healed, destroyed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from pydantic import SecretStr

from shoplake import paths, settings
from shoplake.errors import InfraError
from shoplake.infra import environments, runner, terraform
from shoplake.infra.variables import variables_from

pytestmark = pytest.mark.stack

ROOT = paths.project_root() / "terraform" / "environments" / "local"
WITHOUT_RDS = {"capabilities": "{rds = false}"}  # a fixed wait of the provider makes it cost 80 s


@dataclass(frozen=True)
class Connections:
    kafka_bootstrap_servers: str = "127.0.0.1:19092"
    postgres_host: str = "127.0.0.1"
    postgres_port: int = 15432
    postgres_database: str = "shoplake"
    postgres_user: str = "shoplake"
    postgres_password: SecretStr = field(default_factory=lambda: SecretStr("pg-secret-1f7a"))
    redis_host: str = "127.0.0.1"
    redis_port: int = 16379
    redis_password: SecretStr = field(default_factory=lambda: SecretStr("redis-secret-9c2e"))
    mongo_uri: str = "mongodb://127.0.0.1:27018"
    mongo_database: str = "shoplake"


@dataclass(frozen=True)
class Emulator:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def reset(self) -> None:
        urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/_ministack/reset", method="POST"), timeout=30
        ).close()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )


@contextmanager
def ministack(log: Path) -> Iterator[Emulator]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        emulator = Emulator(port=free.getsockname()[1])
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AWS_ENDPOINT")}
    bound = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(emulator.port), "LOG_LEVEL": "WARNING"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=clean | bound, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        wait_until_ready(emulator, process, log)
        yield emulator
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(15)


def wait_until_ready(emulator: Emulator, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(f"{emulator.url}/_ministack/health", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"MiniStack was not ready in 60 s:\n{log.read_text()}")


@dataclass(frozen=True)
class Built:
    """An applied environment that no test changes."""

    emulator: Emulator
    home: Path
    applied: runner.Applied


@pytest.fixture(scope="module")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("built")
    with ministack(folder / "log") as emulator, pytest.MonkeyPatch.context() as monkeypatch:
        point_at(emulator, folder / "home", monkeypatch)
        applied = build(emulator)
        monkeypatch.undo()
        yield Built(emulator=emulator, home=folder / "home", applied=applied)


@pytest.fixture
def built(_built: Built, monkeypatch: pytest.MonkeyPatch) -> Built:
    point_at(_built.emulator, _built.home, monkeypatch)
    return _built


@pytest.fixture(scope="module")
def _emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with ministack(tmp_path_factory.mktemp("ministack") / "log") as emulator:
        yield emulator


@pytest.fixture
def emulator(_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """An empty emulator and a stack of its own."""
    _emulator.reset()
    point_at(_emulator, tmp_path / "home", monkeypatch)
    return _emulator


def point_at(emulator: Emulator, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLAKE_HOME", str(home))
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)


def build(emulator: Emulator, connections: Connections | None = None, **variables: str) -> runner.Applied:
    given = variables_from(connections or Connections()) | WITHOUT_RDS | variables
    return runner.apply("local", variables=given, environment=emulator.environment)


def planned(emulator: Emulator, connections: Connections | None = None, **variables: str) -> runner.Planned:
    given = variables_from(connections or Connections()) | WITHOUT_RDS | variables
    return runner.plan("local", variables=given, environment=emulator.environment)


def test_the_program_reads_back_what_was_applied(built: Built) -> None:
    found = settings.load("local")

    assert found.kafka.bootstrap_servers == "127.0.0.1:19092"
    assert found.postgres.conninfo() == "postgresql://shoplake:pg-secret-1f7a@127.0.0.1:15432/shoplake"
    assert found.redis.password.get_secret_value() == "redis-secret-9c2e"
    assert found.mongo.uri == "mongodb://127.0.0.1:27018"
    assert found.dynamodb.orders_table == built.applied.outputs["tables"]["orders"]
    assert found.lake.warehouse == f"s3://{found.lake.bucket}/warehouse"
    assert found.lake.catalog == "glue"


def test_a_second_plan_and_a_second_apply_change_nothing(built: Built) -> None:
    again = build(built.emulator)

    assert not planned(built.emulator).differs
    assert (again.add, again.change, again.remove) == (0, 0, 0)
    assert runner.outputs("local", environment=built.emulator.environment) == built.applied.outputs


def test_what_was_applied_answers_live_calls(built: Built) -> None:
    found = settings.load("local")
    s3, dynamodb, glue = (built.emulator.client(service) for service in ("s3", "dynamodb", "glue"))
    order = {"pk": {"S": "c1"}, "sk": {"S": "o1"}, "status": {"S": "paid"}, "placed_at": {"N": "1700000000"}}

    s3.put_object(Bucket=found.lake.bucket, Key="warehouse/a", Body=b"1")
    assert s3.get_object(Bucket=found.lake.bucket, Key="warehouse/a")["Body"].read() == b"1"
    assert glue.get_database(Name=found.lake.database)["Database"]["Name"] == found.lake.database
    dynamodb.put_item(TableName=found.dynamodb.orders_table, Item=order)
    by_status = dynamodb.query(
        TableName=found.dynamodb.orders_table,
        IndexName="by_status",
        KeyConditionExpression="#s = :s AND placed_at >= :t",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": {"S": "paid"}, ":t": {"N": "1"}},
    )
    assert by_status["Items"] == [order]
    ttl = dynamodb.describe_time_to_live(TableName=found.dynamodb.sessions_table)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_no_password_is_written_to_disk(built: Built) -> None:
    written = [path.read_bytes() for path in built.home.rglob("*") if path.is_file() and not is_provider(path)]

    assert len(written) > 3
    assert not [text for text in written if b"pg-secret-1f7a" in text or b"redis-secret-9c2e" in text]


def is_provider(path: Path) -> bool:
    return path.name.startswith("terraform-provider-")


def test_one_changed_endpoint_changes_one_parameter(built: Built) -> None:
    changed = planned(built.emulator, replace(Connections(), redis_port=16380))

    assert [str(change) for change in changed.changes] == ['~ module.config.aws_ssm_parameter.this["redis/port"]']


def test_plain_terraform_uses_the_same_state(built: Built) -> None:
    given = variables_from(Connections()) | WITHOUT_RDS
    exported = runner.shell_environment("local", variables=given, environment=built.emulator.environment)

    for arguments in (["init", "-no-color"], ["plan", "-no-color", "-input=false", "-detailed-exitcode"]):
        answer = subprocess.run(
            [str(terraform.ensure().path), f"-chdir={ROOT}", *arguments],
            env={**os.environ, **exported},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr


def test_an_account_that_is_no_emulators_is_refused(built: Built) -> None:
    # MiniStack takes an access key of twelve digits for the account.
    other = built.emulator.environment | {"AWS_ACCESS_KEY_ID": "111122223333"}
    with pytest.raises(InfraError, match="AWS account ID not allowed: 111122223333"):
        runner.plan("local", variables=variables_from(Connections()) | WITHOUT_RDS, environment=other)


def test_a_changed_password_is_written_again(emulator: Emulator) -> None:
    build(emulator)
    build(emulator, replace(Connections(), redis_password=SecretStr("another-one")))

    assert settings.load("local").redis.password.get_secret_value() == "another-one"
    assert settings.load("local").postgres.password.get_secret_value() == "pg-secret-1f7a"


def test_without_glue_the_catalogue_is_sql(emulator: Emulator) -> None:
    build(emulator, capabilities="{glue = false, rds = false}")

    assert settings.load("local").lake.catalog == "sql"
    assert emulator.client("glue").get_databases()["DatabaseList"] == []


def test_a_wiped_emulator_is_built_again(emulator: Emulator) -> None:
    first = build(emulator)
    emulator.reset()

    assert build(emulator).add == first.add
    assert not planned(emulator).differs


def test_a_lost_state_is_healed_by_adopting_what_exists(emulator: Emulator) -> None:
    build(emulator)
    environments.named("local").state.unlink()
    build(emulator)

    assert not planned(emulator).differs
    assert settings.load("local").redis.port == 16379


def test_an_interrupted_rds_is_kept_and_destroy_leaves_nothing(emulator: Emulator) -> None:
    given = variables_from(Connections())
    stop_while_rds_waits(given, emulator)
    applied = runner.apply("local", variables=given, environment=emulator.environment)

    assert applied.seconds < 60  # a new instance would take 80 s
    assert applied.outputs["database_instance"] == "shoplake-local-postgres"
    assert not runner.plan("local", variables=given, environment=emulator.environment).differs

    emulator.client("s3").put_object(Bucket=settings.load("local").lake.bucket, Key="warehouse/a", Body=b"1")
    runner.destroy("local", variables=given, environment=emulator.environment)
    assert survivors(emulator) == []
    assert json.loads(environments.named("local").state.read_text())["resources"] == []


def stop_while_rds_waits(given: Mapping[str, str], emulator: Emulator) -> None:
    """`ready` comes when all but RDS is there, so that to cancel on it interrupts RDS."""
    ready = threading.Event()
    with pytest.raises(InfraError, match="stopped"):
        runner.apply("local", variables=given, environment=emulator.environment, ready=ready, cancel=ready)
    assert settings.load("local").postgres.port == 15432


def survivors(emulator: Emulator) -> list[str]:
    return [
        *[bucket["Name"] for bucket in emulator.client("s3").list_buckets()["Buckets"]],
        *emulator.client("dynamodb").list_tables()["TableNames"],
        *[one["DBInstanceIdentifier"] for one in emulator.client("rds").describe_db_instances()["DBInstances"]],
        *[one["Name"] for one in emulator.client("ssm").describe_parameters()["Parameters"]],
        *[one["Name"] for one in emulator.client("secretsmanager").list_secrets()["SecretList"]],
        *[one["Name"] for one in emulator.client("glue").get_databases()["DatabaseList"]],
        *[one["RoleName"] for one in emulator.client("iam").list_roles()["Roles"] if "shoplake" in one["RoleName"]],
    ]
