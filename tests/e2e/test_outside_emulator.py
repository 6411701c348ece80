"""The whole path with AWS from LocalStack: commands as a person gives them, on a stack that runs no MiniStack."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from tests.emulators import Running
from tests.own_stack import without_aws

from .shell import Shell

pytestmark = pytest.mark.stack

EVENTS = 6_000  # the first visits come after 4,700


@pytest.fixture(scope="module")
def shell(localstack: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    localstack.wipe()
    inherited = without_aws(os.environ)
    home = tmp_path_factory.mktemp("outside") / "home"
    first = Shell({**inherited, "SHOPLAKE_HOME": str(home), "SHOPLAKE_AWS_ENDPOINT": localstack.url})
    try:
        yield first
    finally:
        assert first.run("down", "--purge").returncode == 0


@pytest.fixture(scope="module")
def demo(shell: Shell) -> Any:
    return shell.json("demo", "--events", str(EVENTS))


def test_every_store_is_exact(demo: Any) -> None:
    found = demo["stores"]
    assert demo["ok"], found
    assert {"log", "lake", "postgres", "dynamodb", "mongo", "redis"} <= found.keys()
    assert found["log"]["found"] == EVENTS


@pytest.mark.usefixtures("demo")
def test_the_data_lies_in_localstack_and_the_lakes_catalogue_in_postgres(shell: Shell, localstack: Running) -> None:
    outputs = shell.json("apply", "local")
    files = localstack.client("s3").list_objects_v2(Bucket=outputs["buckets"]["curated"], Prefix="warehouse/")
    items = localstack.client("dynamodb").scan(TableName=outputs["tables"]["orders"], Select="COUNT")

    assert outputs["catalog"] == "sql"
    assert "database_instance" not in outputs
    assert files["KeyCount"] > 6
    assert items["Count"] > 0


@pytest.mark.usefixtures("demo")
def test_nothing_is_left_to_apply(shell: Shell) -> None:
    assert shell.json("plan", "local") == {"environment": "local", "differs": False, "changes": []}


@pytest.mark.usefixtures("demo")
def test_the_stack_keeps_its_emulator_also_in_a_shell_that_does_not_name_it(shell: Shell, localstack: Running) -> None:
    other = Shell({key: value for key, value in shell.environment.items() if key != "SHOPLAKE_AWS_ENDPOINT"})
    servers = other.json("status")["servers"]

    assert "ministack" not in servers
    assert (servers["localstack"]["state"], servers["localstack"]["port"]) == ("running", localstack.port)
    assert other.json("env")["AWS_ENDPOINT_URL"] == localstack.url
    assert json.loads(other.json("env")["TF_VAR_capabilities"]) == {"glue": False, "rds": False}


@pytest.mark.usefixtures("demo")
def test_the_doctor_names_the_emulator_that_answers(shell: Shell, localstack: Running) -> None:
    (found,) = [check for check in shell.json("doctor")["checks"] if check["name"] == "aws"]

    assert found["ok"]
    assert found["found"] == f"LocalStack 4.14.0 at {localstack.url}"


@pytest.mark.usefixtures("demo")
def test_another_emulator_is_refused_and_the_message_says_how_to_begin_anew(shell: Shell) -> None:
    elsewhere = Shell({**shell.environment, "SHOPLAKE_AWS_ENDPOINT": "http://127.0.0.1:1"})
    refused = elsewhere.run("up")

    assert refused.returncode == 1
    assert "down --purge" in refused.stderr
