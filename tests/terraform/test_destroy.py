"""What a destroy does beside Terraform: it empties and unprotects what is doomed, and asks what is left."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shoplake import stack as embedded
from shoplake.errors import InfraError
from shoplake.infra import aws_clients, environments, leftovers, pre_destroy
from shoplake.infra.aws_clients import Clients
from shoplake.infra.leftovers import Survivor
from shoplake.infra.plan_json import Plan
from shoplake.stack import Connections

pytestmark = pytest.mark.stack
OBJECTS = 1100  # more than one call takes


@pytest.fixture
def clients(stack: Connections) -> Clients:
    return aws_clients.clients(environments.named("local"), embedded.environment())


@pytest.fixture
def name() -> str:
    """An environment that nobody else has."""
    return f"t{uuid.uuid4().hex[:8]}"


def doomed(type_: str, **before: Any) -> Plan:
    change = {"actions": ["delete"], "before": before, "after": None}
    return Plan(
        {
            "resource_changes": [
                {"address": f"{type_}.x", "mode": "managed", "type": type_, "name": "x", "change": change}
            ]
        }
    )


def cleared(plan: Plan, clients: Clients) -> list[str]:
    said: list[str] = []
    for _ in range(2):  # harmless when repeated
        pre_destroy.clear(pre_destroy.obstacles(plan), clients, said.append)
    return said


def test_a_bucket_is_emptied_of_every_version_and_marker(clients: Clients, name: str) -> None:
    s3 = clients("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for number in range(OBJECTS):
        s3.put_object(Bucket=name, Key=f"k/{number}", Body=b"1")
    s3.put_object(Bucket=name, Key="k/0", Body=b"2")
    s3.delete_object(Bucket=name, Key="k/1")

    cleared(doomed("aws_s3_bucket", bucket=name), clients)
    s3.delete_bucket(Bucket=name)
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket=name)
    cleared(doomed("aws_s3_bucket", bucket=name), clients)  # gone already


def test_a_protected_table_can_be_deleted_afterwards(clients: Clients, name: str) -> None:
    dynamodb = clients("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    with pytest.raises(ClientError):
        dynamodb.delete_table(TableName=name)
    said = cleared(doomed("aws_dynamodb_table", name=name, deletion_protection_enabled=True), clients)
    assert said[0] == "preparing aws_dynamodb_table.x for deletion"
    dynamodb.delete_table(TableName=name)


def test_databases_lose_their_protection(clients: Clients, name: str) -> None:
    rds, docdb = clients("rds"), clients("docdb")
    common = {"MasterUsername": "master", "MasterUserPassword": uuid.uuid4().hex, "DeletionProtection": True}
    rds.create_db_instance(
        DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t4g.micro", AllocatedStorage=20, **common
    )
    docdb.create_db_cluster(DBClusterIdentifier=f"{name}-d", Engine="docdb", **common)

    cleared(doomed("aws_db_instance", identifier=name, deletion_protection=True), clients)
    cleared(doomed("aws_docdb_cluster", cluster_identifier=f"{name}-d", deletion_protection=True), clients)
    assert not rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]["DeletionProtection"]
    assert not docdb.describe_db_clusters(DBClusterIdentifier=f"{name}-d")["DBClusters"][0]["DeletionProtection"]
    rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    docdb.delete_db_cluster(DBClusterIdentifier=f"{name}-d", SkipFinalSnapshot=True)


def test_an_environment_that_was_never_applied_has_no_leftovers(clients: Clients, name: str) -> None:
    assert leftovers.find(name, clients) == ()
    assert leftovers.report(name, ()) == ""


@pytest.fixture
def remains(clients: Clients, name: str) -> Iterator[dict[str, str]]:
    """One survivor of each kind, by what it is."""
    tags = {"project": "shoplake", "environment": name}
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    topic = clients("sns").create_topic(Name=f"shoplake-{name}-alerts", Tags=listed)["TopicArn"]
    another = clients("sns").create_topic(Name=f"another-{name}")["TopicArn"]
    clients("ssm").put_parameter(Name=f"/shoplake/{name}/postgres/host", Value="h", Type="String")
    clients("secretsmanager").create_secret(Name=f"shoplake/{name}/redis", SecretString="{}")
    for group in (f"/aws/rds/instance/shoplake-{name}-postgres/postgresql", f"shoplake-{name}x"):
        clients("logs").create_log_group(logGroupName=group)
    trust = {"Version": "2012-10-17", "Statement": []}
    clients("iam").create_role(RoleName=f"shoplake-{name}-reader", AssumeRolePolicyDocument=json.dumps(trust))
    yield {"topic": topic, "another": another}
    clients("sns").delete_topic(TopicArn=topic)
    clients("sns").delete_topic(TopicArn=another)
    clients("ssm").delete_parameter(Name=f"/shoplake/{name}/postgres/host")
    clients("secretsmanager").delete_secret(SecretId=f"shoplake/{name}/redis", ForceDeleteWithoutRecovery=True)
    for group in (f"/aws/rds/instance/shoplake-{name}-postgres/postgresql", f"shoplake-{name}x"):
        clients("logs").delete_log_group(logGroupName=group)
    clients("iam").delete_role(RoleName=f"shoplake-{name}-reader")


def test_leftovers_are_listed_and_resources_of_others_are_not(
    clients: Clients, name: str, remains: dict[str, str]
) -> None:
    found = {one.name for one in leftovers.find(name, clients)}
    role = next(one for one in found if ":role/" in one)
    assert role.endswith(f"role/shoplake-{name}-reader")
    assert found == {
        remains["topic"],
        f"parameter /shoplake/{name}/postgres/host",
        f"secret shoplake/{name}/redis",
        f"log group /aws/rds/instance/shoplake-{name}-postgres/postgresql",
        role,
    }
    with pytest.raises(InfraError, match=rf"5 resources of '{name}' still exist:\n  - arn:aws:iam") as refused:
        leftovers.report(name, leftovers.find(name, clients))
    assert remains["topic"] in str(refused.value)


def test_resources_that_aws_deletes_itself_are_reported_without_an_error(clients: Clients, name: str) -> None:
    kms = clients("kms")
    tags = {"project": "shoplake", "environment": name}
    key = kms.create_key(Tags=[{"TagKey": k, "TagValue": v} for k, v in tags.items()])["KeyMetadata"]
    assert leftovers.find(name, clients) == (Survivor(key["Arn"]),)

    day = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)["DeletionDate"]
    found = leftovers.find(name, clients)
    assert found == (Survivor(key["Arn"], meant=f"AWS deletes it, {day:%Y-%m-%d}"),)
    assert leftovers.report(name, found) == f"kept: {key['Arn']} (AWS deletes it, {day:%Y-%m-%d})\n"


def test_a_final_snapshot_is_kept_and_reported(clients: Clients, name: str) -> None:
    rds = clients("rds")
    instance = f"shoplake-{name}-postgres"
    rds.create_db_instance(
        DBInstanceIdentifier=instance,
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        AllocatedStorage=20,
        MasterUsername="master",
        MasterUserPassword=uuid.uuid4().hex,
    )
    rds.delete_db_instance(DBInstanceIdentifier=instance, FinalDBSnapshotIdentifier=f"{instance}-final")
    assert "final snapshot of the data" in leftovers.report(name, leftovers.find(name, clients))
    rds.delete_db_snapshot(DBSnapshotIdentifier=f"{instance}-final")


def test_services_missing_from_an_emulator_are_not_queried(clients: Clients, name: str) -> None:
    asked: list[str] = []

    def counting(service: str) -> Any:
        asked.append(service)
        return clients(service)

    leftovers.find(name, counting, missing=("rds", "docdb"))
    assert "rds" not in asked
    assert "docdb" not in asked
    assert "elasticache" in asked
