"""The structure of the DynamoDB tables: keys, indexes and TTL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shoplake.settings import DynamoDBSettings
from shoplake.verify.report import Finding
from shoplake.verify.structure_diff import compared, wanted


def check(client: Any, settings: DynamoDBSettings) -> list[Finding]:  # noqa: ANN401 - boto3 is untyped
    """Compare the structure of the tables. Return the findings."""
    names = {
        "sessions": settings.sessions_table,
        "orders": settings.orders_table,
        "checkpoints": settings.checkpoints_table,
    }
    expected: dict[str, str] = {}
    found: dict[str, str] = {}
    for role, table in wanted("dynamodb").items():
        expected |= dict(_described(role, table))
        found |= dict(_described(role, _read(client, names[role])))
    return compared(expected, found)


def _described(role: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield f"key of {role}", table["key"]
    yield f"expiry of {role}", table["expiry"]
    for name, index in table["indexes"].items():
        yield f"index {name} of {role}", index


def _read(client: Any, name: str) -> dict[str, Any]:  # noqa: ANN401
    table = client.describe_table(TableName=name)["Table"]
    expiry = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    types = {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]}
    indexes = table.get("GlobalSecondaryIndexes", []) + table.get("LocalSecondaryIndexes", [])
    return {
        "key": _key(table["KeySchema"], types),
        "expiry": expiry.get("AttributeName", "none") if expiry["TimeToLiveStatus"].startswith("ENABL") else "none",
        "indexes": {
            index["IndexName"]: f"{_key(index['KeySchema'], types)}; {_projected(index['Projection'])}"
            for index in indexes
        },
    }


def _key(schema: Sequence[Mapping[str, str]], types: Mapping[str, str]) -> str:
    in_order = sorted(schema, key=lambda part: part["KeyType"])  # HASH, RANGE
    return ", ".join(f"{part['AttributeName']} {types[part['AttributeName']]}" for part in in_order)


def _projected(projection: Mapping[str, Any]) -> str:
    if projection["ProjectionType"] == "ALL":
        return "all attributes"
    return f"{projection['ProjectionType']} {projection.get('NonKeyAttributes', [])}"
