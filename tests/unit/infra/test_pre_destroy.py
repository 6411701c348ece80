"""Which of what a plan destroys has to be emptied or unprotected first."""

from __future__ import annotations

from typing import Any

from shoplake.infra.plan_json import Plan
from shoplake.infra.pre_destroy import obstacles


def change(type_: str, actions: list[str], **before: Any) -> dict[str, Any]:
    return {
        "address": f"{type_}.this",
        "mode": "managed",
        "type": type_,
        "name": "this",
        "change": {"actions": actions, "before": before or None, "after": None},
    }


def found(*changes: dict[str, Any]) -> list[str]:
    return [one.type for one in obstacles(Plan({"resource_changes": list(changes)}))]


def test_a_bucket_that_goes_is_emptied_and_one_that_stays_is_not():
    assert found(change("aws_s3_bucket", ["delete"], bucket="a")) == ["aws_s3_bucket"]
    assert found(change("aws_s3_bucket", ["no-op"], bucket="a"), change("aws_s3_bucket", ["update"], bucket="b")) == []


def test_a_bucket_that_is_replaced_is_not_emptied():
    assert found(change("aws_s3_bucket", ["delete", "create"], bucket="a")) == []


def test_protection_is_lifted_where_there_is_any():
    protected = [
        change("aws_db_instance", ["delete"], identifier="a", deletion_protection=True),
        change("aws_docdb_cluster", ["delete"], cluster_identifier="b", deletion_protection=True),
        change("aws_dynamodb_table", ["delete"], name="c", deletion_protection_enabled=True),
    ]
    assert found(*protected) == ["aws_db_instance", "aws_docdb_cluster", "aws_dynamodb_table"]
    bare = [change(one["type"], ["delete"], name="x", deletion_protection=False) for one in protected]
    assert found(*bare) == []
