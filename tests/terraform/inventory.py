"""All that an account holds, asked service by service, so that nothing can survive `destroy` unseen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.emulators import ACCOUNT, Running

from shoplake.stack import Support, support

Question = Callable[[Any], Iterable[str]]


def s3(api: Any) -> Iterable[str]:
    return [bucket["Name"] for bucket in api.list_buckets()["Buckets"]]


def dynamodb(api: Any) -> Iterable[str]:
    names: list[str] = api.list_tables()["TableNames"]
    return names


def ssm(api: Any) -> Iterable[str]:
    pages = api.get_paginator("describe_parameters").paginate()
    return [parameter["Name"] for page in pages for parameter in page["Parameters"]]


def secretsmanager(api: Any) -> Iterable[str]:
    """Also those that are deleted and could be brought back: their names are taken."""
    return [secret["Name"] for secret in api.list_secrets(IncludePlannedDeletion=True)["SecretList"]]


def iam(api: Any) -> Iterable[str]:
    return [
        *[role["RoleName"] for role in api.list_roles()["Roles"]],
        *[policy["PolicyName"] for policy in api.list_policies(Scope="Local")["Policies"]],
        *[provider["Arn"] for provider in api.list_open_id_connect_providers()["OpenIDConnectProviderList"]],
    ]


def kms(api: Any) -> Iterable[str]:
    """Keys that are ours to delete, and are not about to be; those behind `alias/aws/…` are AWS's own."""
    aliases = [alias for page in api.get_paginator("list_aliases").paginate() for alias in page["Aliases"]]
    of_aws = {alias.get("TargetKeyId") for alias in aliases if alias["AliasName"].startswith("alias/aws/")}
    keys = [api.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in api.list_keys()["Keys"]]
    ours = [key for key in keys if key.get("KeyManager") != "AWS" and key["KeyId"] not in of_aws]
    return [key["KeyId"] for key in ours if key["KeyState"] != "PendingDeletion"]


def glue(api: Any) -> Iterable[str]:
    return [database["Name"] for database in api.get_databases()["DatabaseList"]]


def athena(api: Any) -> Iterable[str]:
    return [group["Name"] for group in api.list_work_groups()["WorkGroups"]]


def rds(api: Any) -> Iterable[str]:
    return [
        *[instance["DBInstanceIdentifier"] for instance in api.describe_db_instances()["DBInstances"]],
        *[group["DBParameterGroupName"] for group in api.describe_db_parameter_groups()["DBParameterGroups"]],
        *[group["DBSubnetGroupName"] for group in api.describe_db_subnet_groups()["DBSubnetGroups"]],
        *[snapshot["DBSnapshotIdentifier"] for snapshot in api.describe_db_snapshots()["DBSnapshots"]],
    ]


def ec2(api: Any) -> Iterable[str]:
    return [
        *[vpc["VpcId"] for vpc in api.describe_vpcs()["Vpcs"]],
        *[group["GroupId"] for group in api.describe_security_groups()["SecurityGroups"]],
        *[address["AllocationId"] for address in api.describe_addresses()["Addresses"]],
    ]


def logs(api: Any) -> Iterable[str]:
    return [group["logGroupName"] for group in api.describe_log_groups()["logGroups"]]


def cloudwatch(api: Any) -> Iterable[str]:
    return [alarm["AlarmName"] for alarm in api.describe_alarms()["MetricAlarms"]]


def sns(api: Any) -> Iterable[str]:
    return [topic["TopicArn"] for topic in api.list_topics()["Topics"]]


def sqs(api: Any) -> Iterable[str]:
    urls: list[str] = api.list_queues().get("QueueUrls", [])
    return urls


def events(api: Any) -> Iterable[str]:
    return [rule["Name"] for rule in api.list_rules()["Rules"]]


def scheduler(api: Any) -> Iterable[str]:
    return [schedule["Name"] for schedule in api.list_schedules()["Schedules"]]


def budgets(api: Any) -> Iterable[str]:
    return [budget["BudgetName"] for budget in api.describe_budgets(AccountId=ACCOUNT).get("Budgets", [])]


def elasticache(api: Any) -> Iterable[str]:
    return [group["ReplicationGroupId"] for group in api.describe_replication_groups()["ReplicationGroups"]]


def docdb(api: Any) -> Iterable[str]:
    return [cluster["DBClusterIdentifier"] for cluster in api.describe_db_clusters()["DBClusters"]]


def kafka(api: Any) -> Iterable[str]:
    return [cluster["ClusterName"] for cluster in api.list_clusters()["ClusterInfoList"]]


QUESTIONS: dict[str, Question] = {
    question.__name__: question
    for question in (
        *(s3, dynamodb, ssm, secretsmanager, iam, kms, glue, athena, rds, ec2, logs, cloudwatch, sns, sqs),
        *(events, scheduler, budgets, elasticache, docdb, kafka),
    )
}


def held(running: Running) -> set[tuple[str, str]]:
    """Service and name of each thing in the emulator's account, what it comes with included."""
    present = {name: ask for name, ask in QUESTIONS.items() if support(name, running.kind) is not Support.MISSING}
    return {(service, name) for service, ask in present.items() for name in ask(running.client(service))}
