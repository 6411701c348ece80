"""What an interrupted run left, found in state, plan and errors."""

from __future__ import annotations

from typing import Any

import pytest

from shoplake.infra import import_existing
from shoplake.infra.terraform_output import Diagnostic

INSTANCE = 'module.relational["shoplake-local"].aws_db_instance.this'


def state(resource_type: str, **instance: Any) -> dict[str, Any]:
    module = 'module.relational["shoplake-local"]'
    return {"resources": [{"module": module, "type": resource_type, "name": "this", "instances": [instance]}]}


def error(summary: str, address: str = INSTANCE) -> Diagnostic:
    return Diagnostic(severity="error", summary=summary, detail="", address=address, where="")


def test_a_tainted_rds_instance_is_kept() -> None:
    assert import_existing.wrongly_tainted(state("aws_db_instance", status="tainted")) == [INSTANCE]


@pytest.mark.parametrize(
    ("resource_type", "instance"),
    [("aws_db_instance", {}), ("aws_s3_bucket", {"status": "tainted"})],
)
def test_what_is_whole_or_of_another_type_is_left_to_terraform(resource_type: str, instance: dict[str, str]) -> None:
    assert import_existing.wrongly_tainted(state(resource_type, **instance)) == []


def test_keys_of_instances_are_part_of_the_address() -> None:
    named = import_existing.wrongly_tainted(state("aws_db_instance", status="tainted", index_key="a"))
    counted = import_existing.wrongly_tainted(state("aws_db_instance", status="tainted", index_key=0))

    assert (named, counted) == ([f'{INSTANCE}["a"]'], [f"{INSTANCE}[0]"])


def test_an_empty_state_has_nothing_to_keep() -> None:
    assert import_existing.wrongly_tainted({}) == []


@pytest.mark.parametrize(
    "summary",
    [
        "DBInstanceAlreadyExists: DB instance shoplake-local-postgres already exists",
        "BucketAlreadyOwnedByYou: Your previous request succeeded",
        "ResourceInUseException: Table already exists: shoplake-local-orders",
        "EntityAlreadyExists: Role with name shoplake-local-reader already exists",
        "ResourceExistsException: The operation failed because the secret exists",
    ],
)
def test_an_orphan_is_known_by_the_error_it_causes(summary: str) -> None:
    assert import_existing.orphans([error(summary)]) == [INSTANCE]


def test_other_errors_and_errors_without_an_address_name_no_orphan() -> None:
    assert import_existing.orphans([error("AccessDenied: no"), error("already exists", address="")]) == []


def test_import_ids_come_from_the_plan() -> None:
    database = {"address": "a", "type": "aws_glue_catalog_database", "values": {"name": "shop"}}
    table = {"address": "b", "type": "aws_dynamodb_table", "values": {"name": "orders"}}
    policy = {"address": "c", "type": "aws_s3_bucket_policy", "values": {"bucket": "raw"}}
    other = {"address": "d", "type": "aws_dynamodb_table", "values": {"name": "sessions"}}
    root = {"resources": [database], "child_modules": [{"resources": [table, policy, other]}]}
    plan = {"planned_values": {"root_module": root}}

    assert import_existing.import_ids(plan, ["a", "b", "c"], "000000000000") == {
        "a": "000000000000:shop",
        "b": "orders",
    }


def test_import_blocks_are_terraforms() -> None:
    assert import_existing.import_blocks({'m.t["k"]': "x"}) == 'import {\n  to = m.t["k"]\n  id = "x"\n}\n'
