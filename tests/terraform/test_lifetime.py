"""The local environment from an empty emulator to an empty one, with all that the emulator has: what was made answers
live calls, and what was destroyed is gone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest
from tests.emulators import Running
from tests.terraform.inventory import QUESTIONS, held
from tests.terraform.live_calls import ADDRESSES, LIVE_CALLS, OF_AWS
from tests.terraform.local_root import LocalRoot

from shoplake import paths
from shoplake.settings import Settings
from shoplake.stack import CAPABILITIES, Connections, Support
from shoplake.stack.capabilities import Local

pytestmark = pytest.mark.stack

ROOT = paths.project_root() / "terraform" / "environments" / "local"
OUTPUTS = re.findall(r'^output "(\w+)"', (ROOT / "outputs.tf").read_text(), re.MULTILINE)


@dataclass(frozen=True)
class Life:
    """An environment that was applied to an emulator which held only this before."""

    root: LocalRoot
    before: set[tuple[str, str]]
    outputs: dict[str, Any]
    kept: list[str]


@pytest.fixture(scope="module")
def life(emulator: Running, stack: Connections, tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Connected to the session's servers. RDS is not waited for, and the next apply keeps what is there of it."""
    root = LocalRoot(emulator, tmp_path_factory.mktemp("lifetime") / "home", stack, rds=True)
    before, said = held(emulator), []
    if emulator.kind == "ministack":
        root.apply_until_usable()
    outputs = root.apply(said.append).outputs
    return Life(root, before, dict(outputs), [line for line in said if line.startswith("keeping")])


def test_an_interrupted_rds_is_kept_and_not_recreated(life: Life) -> None:
    if life.root.emulator.kind == "localstack":
        pytest.skip("LocalStack has no RDS")
    assert len(life.kept) == 1
    assert "aws_db_instance" in life.kept[0]


def test_every_output_is_covered() -> None:
    assert OUTPUTS
    assert LIVE_CALLS.keys() == set(OUTPUTS)


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_output_is_used_by_a_live_call(life: Life, output: str) -> None:
    # Terraform leaves out what is null.
    LIVE_CALLS[output](life.root, life.outputs.get(output))


def test_every_section_of_the_settings_is_covered() -> None:
    assert ADDRESSES.keys() | OF_AWS == Settings.model_fields.keys()


@pytest.mark.parametrize("section", ADDRESSES)
def test_the_server_of_a_section_is_reached_with_its_settings(life: Life, section: str) -> None:
    ADDRESSES[section](life.root.settings())


def test_each_secret_is_read_and_is_the_password_of_the_stack(life: Life, stack: Connections) -> None:
    secrets = life.root.emulator.client("secretsmanager")
    names = [secret["Name"] for secret in secrets.list_secrets()["SecretList"]]
    read = {name: json.loads(secrets.get_secret_value(SecretId=name)["SecretString"]) for name in names}
    assert read == {
        "shoplake/local/postgres": {"password": stack.postgres_password.get_secret_value()},
        "shoplake/local/redis": {"password": stack.redis_password.get_secret_value()},
    }


def test_every_table_answers_as_its_sink_asks(life: Life) -> None:
    found, api = life.root.settings().dynamodb, life.root.emulator.client("dynamodb")
    order = {"pk": {"S": "c1"}, "sk": {"S": "o1"}, "status": {"S": "paid"}, "placed_at": {"N": "1700000000"}}
    api.put_item(TableName=found.orders_table, Item=order)
    by_status = api.query(
        TableName=found.orders_table,
        IndexName="by_status",
        KeyConditionExpression="#s = :s AND placed_at >= :t",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": {"S": "paid"}, ":t": {"N": "1"}},
    )
    assert by_status["Items"] == [order]
    ttl = api.describe_time_to_live(TableName=found.sessions_table)["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_only_enabled_services_hold_resources(life: Life) -> None:
    """What the table says of local is made; and so the inventory sees each service that `destroy` has to empty."""
    kind = life.root.emulator.kind
    on = {row.service for row in CAPABILITIES if row.local is not Local.OFF and row.on(kind) is not Support.MISSING}
    assert {service for service, _ in held(life.root.emulator) - life.before} == on - {"sts"}
    assert QUESTIONS.keys() >= on - {"sts"}


def test_destroy_leaves_nothing_even_with_data(life: Life) -> None:
    """The last of this file: it ends the environment that the others use."""
    bucket, table = life.outputs["buckets"]["curated"], life.outputs["tables"]["checkpoints"]
    life.root.emulator.client("s3").put_object(Bucket=bucket, Key="warehouse/left", Body=b"1")
    life.root.emulator.client("dynamodb").put_item(TableName=table, Item={"pk": {"S": "left"}})

    destroyed = life.root.destroy()

    assert held(life.root.emulator) - life.before == set()
    assert destroyed.remove > 40
    assert json.loads(life.root.state.read_text())["resources"] == []
