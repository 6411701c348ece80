"""How each output of the local root is used by a live call: one function per output, by its name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pyarrow as pa
import redis
from aiokafka.admin import AIOKafkaAdminClient
from pyiceberg.catalog.glue import GlueCatalog
from pyiceberg.catalog.sql import SqlCatalog
from pymongo import MongoClient
from tests.terraform.local_root import LocalRoot

from shoplake.settings import Settings
from shoplake.sinks.lake.tables import open_catalog
from shoplake.stack import Support, support

TIMEOUT_S = 10


def environment(root: LocalRoot, name: str) -> None:
    """It is the one under which the program finds its settings."""
    assert root.settings().environment == name


def settings_path(root: LocalRoot, path: str) -> None:
    """Every parameter below it is what the program takes for its setting, and what it lacks has a default."""
    paginator = root.emulator.client("ssm").get_paginator("get_parameters_by_path")
    pages = paginator.paginate(Path=path, Recursive=True, WithDecryption=True)
    read = {one["Name"].removeprefix(f"{path}/"): one["Value"] for page in pages for one in page["Parameters"]}
    found = root.settings()
    tree = found.model_dump(mode="json", exclude={"environment"})
    fields = {f"{section}/{field}": value for section, values in tree.items() for field, value in values.items()}
    assert {name: str(fields.get(name)) for name in read} == read
    needed = {
        f"{section}/{name}"
        for section in tree
        for name, field in type(getattr(found, section)).model_fields.items()
        if field.is_required()
    }
    assert needed - {"postgres/password", "redis/password"} <= read.keys()


def buckets(root: LocalRoot, names: dict[str, str]) -> None:
    """Each takes an object and gives it back, and keeps the version before."""
    api = root.emulator.client("s3")
    for role, bucket in names.items():
        for body in (b"first", role.encode()):
            api.put_object(Bucket=bucket, Key="probe", Body=body)
        assert api.get_object(Bucket=bucket, Key="probe")["Body"].read() == role.encode()
        assert len(api.list_object_versions(Bucket=bucket, Prefix="probe")["Versions"]) == 2


def warehouse(root: LocalRoot, location: str) -> None:
    """An Iceberg table made through the catalogue lies there and gives back its rows."""
    found = root.settings()
    with root.entered():
        catalog = open_catalog(found)
        catalog.create_namespace_if_not_exists(found.lake.database)
        table = catalog.create_table(f"{found.lake.database}.probe", pa.schema([("n", pa.int64())]))
        table.append(pa.table({"n": [1, 2, 3]}))
        assert table.location().startswith(location)
        assert catalog.load_table(f"{found.lake.database}.probe").scan().to_arrow()["n"].to_pylist() == [1, 2, 3]
        catalog.purge_table(f"{found.lake.database}.probe")
    bucket = urlsplit(location).netloc
    assert root.emulator.client("s3").list_objects_v2(Bucket=bucket, Prefix="warehouse/")["KeyCount"] > 0


def catalog(root: LocalRoot, kind: str) -> None:
    """It is of the kind that the emulator has, and answers: Glue with the lake's database, or Postgres."""
    found = root.settings()
    with root.entered():
        opened = open_catalog(found)
        names = opened.list_namespaces()
    assert isinstance(opened, {"glue": GlueCatalog, "sql": SqlCatalog}[kind])
    assert kind == "sql" or (found.lake.database,) in names
    assert (kind == "sql") is (support("glue", root.emulator.kind) is Support.MISSING)


def tables(root: LocalRoot, names: dict[str, str]) -> None:
    """Each takes an item under its key and gives it back."""
    api = root.emulator.client("dynamodb")
    for table in names.values():
        described = api.describe_table(TableName=table)["Table"]
        key = {one["AttributeName"]: {"S": "probe"} for one in described["KeySchema"]}
        api.put_item(TableName=table, Item=key | {"n": {"N": "1"}})
        assert api.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]["n"] == {"N": "1"}


def database_instance(root: LocalRoot, identifier: str | None) -> None:
    """RDS knows it, where there is RDS."""
    if identifier is None:
        assert root.emulator.kind == "localstack"
        return
    (instance,) = root.emulator.client("rds").describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"]
    postgres = root.settings().postgres
    assert (instance["DBInstanceStatus"], instance["MasterUsername"]) == ("available", postgres.user)
    assert instance["Endpoint"]["Port"] == postgres.port, (
        "the address that RDS gives is where the stack's Postgres listens"
    )


def roles(root: LocalRoot, arns: dict[str, str]) -> None:
    """Each can be taken, gives credentials that STS knows, and has a policy."""
    for arn in arns.values():
        name = arn.rpartition("/")[2]
        given = root.emulator.client("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
        caller = root.emulator.client(
            "sts",
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )
        assert f"assumed-role/{name}/probe" in caller.get_caller_identity()["Arn"]
        attached = root.emulator.client("iam").list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        assert [policy["PolicyName"] for policy in attached] == [name]


LIVE_CALLS: dict[str, Callable[[LocalRoot, Any], None]] = {
    call.__name__: call
    for call in (environment, settings_path, buckets, warehouse, catalog, tables, database_instance, roles)
}


def reach_kafka(found: Settings) -> None:
    async def cluster() -> dict[str, Any]:
        admin = AIOKafkaAdminClient(bootstrap_servers=found.kafka.bootstrap_servers)
        await admin.start()
        try:
            described: dict[str, Any] = await admin.describe_cluster()
        finally:
            await admin.close()
        return described

    assert len(asyncio.run(cluster())["brokers"]) == 1


def reach_postgres(found: Settings) -> None:
    with psycopg.connect(found.postgres.conninfo(), connect_timeout=TIMEOUT_S) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (found.postgres.database,)


def reach_redis(found: Settings) -> None:
    with redis.Redis(
        found.redis.host,
        found.redis.port,
        password=found.redis.password.get_secret_value(),
        socket_timeout=TIMEOUT_S,
    ) as client:
        assert client.ping()


def reach_mongo(found: Settings) -> None:
    with MongoClient[dict[str, Any]](found.mongo.uri, serverSelectionTimeoutMS=TIMEOUT_S * 1000) as client:
        assert client[found.mongo.database].command("ping")["ok"] == 1


# By the section of the settings; the others name things of AWS, which the outputs' calls use.
ADDRESSES: dict[str, Callable[[Settings], None]] = {
    "kafka": reach_kafka,
    "postgres": reach_postgres,
    "redis": reach_redis,
    "mongo": reach_mongo,
}
OF_AWS = frozenset({"environment", "dynamodb", "lake"})
