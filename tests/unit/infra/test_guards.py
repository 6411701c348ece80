"""What a person reads when an apply or destroy is refused, and that what is right is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shoplake import paths
from shoplake.errors import InfraError
from shoplake.infra import environments, guards, runner
from shoplake.infra.environments import Environment, Place
from shoplake.infra.plan_json import Plan

DEV, PROD, LOCAL = (environments.named(name) for name in ("dev", "prod", "local"))
PLACE = Place(account_id="111111111111", region="us-east-1")
EMULATOR = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}


def plan(*changes: tuple[str, str, list[str]]) -> Plan:
    def change(address: str, type_: str, actions: list[str]) -> dict[str, Any]:
        name = {"address": address, "mode": "managed", "type": type_, "name": "this"}
        return name | {"change": {"actions": actions, "before": {}, "after": {}}}

    return Plan({"resource_changes": [change(*one) for one in changes]})


TABLE = 'module.keyvalue.aws_dynamodb_table.this["orders"]'
BUCKET = 'module.lake.aws_s3_bucket.this["raw"]'
LOSING = plan(
    (TABLE, "aws_dynamodb_table", ["delete", "create"]),
    (BUCKET, "aws_s3_bucket", ["delete"]),
    ("module.access.aws_iam_role.this", "aws_iam_role", ["delete"]),
)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_emulators_endpoint_is_refused_for_an_environment_on_aws(name: str) -> None:
    with pytest.raises(InfraError, match=f"'dev' belongs to AWS, but {name} is http://127.0.0.1:4566") as error:
        guards.refuse_wrong_endpoint(DEV, {name: "http://127.0.0.1:4566"})
    assert error.value.fix == f"unset {name}"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "'local' belongs to an emulator, but AWS_ENDPOINT_URL is not set"),
        ({"AWS_ENDPOINT_URL": "https://sts.amazonaws.com"}, "is https://sts.amazonaws.com, which is AWS"),
    ],
)
def test_local_is_refused_without_an_emulators_endpoint(given: dict[str, str], message: str) -> None:
    with pytest.raises(InfraError, match=message) as error:
        guards.refuse_wrong_endpoint(LOCAL, given)
    assert "shoplake up" in error.value.fix


def test_an_endpoint_where_it_belongs_is_no_matter() -> None:
    guards.refuse_wrong_endpoint(LOCAL, EMULATOR)
    guards.refuse_wrong_endpoint(DEV, {"AWS_PROFILE": "dev", "AWS_ENDPOINT_URL": ""})


def test_another_account_is_refused() -> None:
    message = "'dev' belongs to account 111111111111, but your credentials are for account 333333333333"
    with pytest.raises(InfraError, match=message) as error:
        guards.refuse_other_account(DEV, PLACE, "333333333333")
    assert error.value.fix == "set AWS_PROFILE to a profile of 111111111111"
    guards.refuse_other_account(DEV, PLACE, "111111111111")


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_another_region_is_refused(name: str) -> None:
    with pytest.raises(InfraError, match=f"'dev' belongs to region us-east-1, but {name} is eu-west-1") as error:
        guards.refuse_other_region(DEV, PLACE, {name: "eu-west-1"})
    assert error.value.fix == f"unset {name}, or set it to us-east-1"
    guards.refuse_other_region(DEV, PLACE, {name: "us-east-1"})


@pytest.mark.parametrize(("given", "selected"), [({"TF_WORKSPACE": "mine"}, ""), ({}, "mine")])
def test_another_workspace_is_refused(given: dict[str, str], selected: str) -> None:
    with pytest.raises(InfraError, match="'dev' uses the workspace 'default', but 'mine' is selected") as error:
        guards.refuse_other_workspace(DEV, given, selected)
    assert "terraform workspace select default" in error.value.fix
    guards.refuse_other_workspace(DEV, {}, "default")


def test_a_plan_that_loses_data_is_refused_with_the_addresses_and_how_to_allow_it() -> None:
    with pytest.raises(InfraError, match="the plan of 'dev' destroys resources with data") as error:
        guards.refuse_lost_data(DEV, LOSING, ())
    assert TABLE in error.value.message
    assert BUCKET in error.value.message
    assert "aws_iam_role" not in error.value.message
    assert f"--allow-destroy '{TABLE}' --allow-destroy '{BUCKET}'" in error.value.fix


def test_what_is_allowed_address_by_address_may_go() -> None:
    with pytest.raises(InfraError) as error:
        guards.refuse_lost_data(DEV, LOSING, [TABLE])
    assert TABLE not in error.value.message
    guards.refuse_lost_data(DEV, LOSING, [TABLE, BUCKET])


def test_an_address_that_is_not_destroyed_is_refused_as_a_mistake() -> None:
    with pytest.raises(
        InfraError, match=r"plan of 'dev' does not destroy these --allow-destroy addresses: aws_s3_bucket.other"
    ):
        guards.refuse_lost_data(DEV, LOSING, [TABLE, BUCKET, "aws_s3_bucket.other"])


@pytest.mark.parametrize(("typed", "found"), [(None, "nothing was"), ("dev", "'dev' was"), ("", "'' was")])
def test_prod_wants_its_name_typed(typed: str | None, found: str) -> None:
    with pytest.raises(
        InfraError, match=f"to change 'prod', its name must be typed as confirmation; {found} typed"
    ) as error:
        guards.refuse_untyped(PROD, typed)
    assert "--confirm prod" in error.value.fix
    guards.refuse_untyped(PROD, "prod")
    guards.refuse_untyped(DEV, None)


@pytest.mark.parametrize("change", [runner.apply, runner.destroy])
def test_the_runner_asks_the_guards_before_terraform_is_even_looked_for(
    change: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfraError, match="its name must be typed"):
        change("prod", variables={}, environment={})
    with pytest.raises(InfraError, match="belongs to AWS, but AWS_ENDPOINT_URL is"):
        change("prod", variables={}, environment=EMULATOR, typed="prod")
    with pytest.raises(InfraError, match="belongs to region us-east-1, but AWS_REGION is eu-west-1"):
        change("dev", variables={}, environment={"AWS_REGION": "eu-west-1"})
    with pytest.raises(InfraError, match="uses the workspace 'default'"):
        change("dev", variables={}, environment={"TF_WORKSPACE": "mine"})


@pytest.mark.parametrize("name", environments.ON_AWS)
def test_an_environment_on_aws_says_where_it_belongs(name: str) -> None:
    place = environments.named(name).place()
    assert place.region == "us-east-1"
    assert len(place.account_id) == 12
    assert (paths.project_root() / "terraform/environments" / name / "backend.hcl").is_file()


def test_an_environment_that_does_not_say_where_it_belongs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "terraform.tfvars").write_text('region = "us-east-1"\n')
    with pytest.raises(InfraError, match="does not set the account and region of 'dev'"):
        Environment(name="dev", root=tmp_path, folder=tmp_path).place()
