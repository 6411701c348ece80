"""Services that run a server or a network: what is said to be there has to answer in its own protocol."""

from __future__ import annotations

import struct
from typing import Any

import bson

from shoplake.stack import Support
from tests.contract.probes.judging import Probe, awaited, real_if, said
from tests.emulators import Running

AVAILABLE_TIMEOUT_S = 30
STOPPED_TIMEOUT_S = 10
PASSWORD = "a-passw0rd"
REQUEST_ID = b"\x07\x00\x00\x07"


def speaks_postgres(answer: bytes) -> bool:
    """To the wish for TLS it says yes or no."""
    return answer[:1] in {b"S", b"N"}


def speaks_valkey(answer: bytes) -> bool:
    """Without a password it answers, or asks for one."""
    return answer.startswith((b"+PONG", b"-NOAUTH"))


def speaks_kafka(answer: bytes) -> bool:
    """After the length comes the id of the request."""
    return answer[4:8] == REQUEST_ID


def speaks_mongo(answer: bytes) -> bool:
    """After its length and its own id comes the id of the request."""
    return answer[8:12] == REQUEST_ID


WISH_FOR_TLS = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
API_VERSIONS = b"\x00\x00\x00\x0a\x00\x12\x00\x00" + REQUEST_ID + b"\xff\xff"
PING = bson.encode({"ping": 1, "$db": "admin"})
OP_MSG = struct.pack("<i", 21 + len(PING)) + REQUEST_ID + struct.pack("<iiIB", 0, 2013, 0, 0) + PING


def rds(running: Running, name: str) -> Support:
    api = running.client("rds")
    api.create_db_instance(
        DBInstanceIdentifier=name,
        Engine="postgres",
        DBInstanceClass="db.t4g.micro",
        MasterUsername="owner",
        MasterUserPassword=PASSWORD,
        AllocatedStorage=20,
    )

    def endpoint() -> dict[str, Any]:
        (instance,) = api.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        return instance["Endpoint"] if instance["DBInstanceStatus"] == "available" else {}

    there = awaited(endpoint, AVAILABLE_TIMEOUT_S)
    return real_if(bool(there) and speaks_postgres(said(there["Address"], there["Port"], WISH_FOR_TLS)))


def elasticache(running: Running, name: str) -> Support:
    api = running.client("elasticache")
    api.create_replication_group(
        ReplicationGroupId=name,
        ReplicationGroupDescription="probe",
        Engine="valkey",
        CacheNodeType="cache.t4g.micro",
        NumCacheClusters=1,
    )

    def endpoint() -> dict[str, Any]:
        (group,) = api.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"]
        return group["NodeGroups"][0]["PrimaryEndpoint"] if group["Status"] == "available" else {}

    there = awaited(endpoint, AVAILABLE_TIMEOUT_S)
    return real_if(bool(there) and speaks_valkey(said(there["Address"], there["Port"], b"PING\r\n")))


def docdb(running: Running, name: str) -> Support:
    api = running.client("docdb")
    made = api.create_db_cluster(
        DBClusterIdentifier=name, Engine="docdb", MasterUsername="owner", MasterUserPassword=PASSWORD
    )["DBCluster"]
    return real_if(speaks_mongo(said(made["Endpoint"], made["Port"], OP_MSG)))


def kafka(running: Running, name: str) -> Support:
    api = running.client("kafka")
    network = {"InstanceType": "kafka.t3.small", "ClientSubnets": ["subnet-a", "subnet-b"]}
    arn = api.create_cluster(
        ClusterName=name, KafkaVersion="3.6.0", NumberOfBrokerNodes=2, BrokerNodeGroupInfo=network
    )["ClusterArn"]
    active = awaited(
        lambda: api.describe_cluster(ClusterArn=arn)["ClusterInfo"]["State"] == "ACTIVE", AVAILABLE_TIMEOUT_S
    )
    host, _, port = api.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerString"].split(",")[0].partition(":")
    return real_if(active and speaks_kafka(said(host, int(port), API_VERSIONS)))


def ec2(running: Running, name: str) -> Support:
    """Real: a server in a subnet of a network of ours is reached."""
    del name
    api = running.client("ec2")
    vpc = api.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = api.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    image = api.describe_images()["Images"][0]["ImageId"]
    (made,) = api.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=subnet)[
        "Instances"
    ]
    (reserved,) = api.describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"]
    return real_if(said(reserved["Instances"][0]["PrivateIpAddress"], 22, b"").startswith(b"SSH-"))


def ecs(running: Running, name: str) -> Support:
    """Real: a task whose image does not exist is stopped."""
    api = running.client("ecs")
    api.create_cluster(clusterName=name)
    definition = api.register_task_definition(
        family=name,
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "nothing", "image": f"127.0.0.1:1/{name}:none", "essential": True}],
    )["taskDefinition"]["taskDefinitionArn"]
    network = {"awsvpcConfiguration": {"subnets": ["subnet-a"]}}
    tasks = api.run_task(cluster=name, taskDefinition=definition, launchType="FARGATE", networkConfiguration=network)
    arns = [task["taskArn"] for task in tasks["tasks"]]

    def stopped() -> bool:
        found = api.describe_tasks(cluster=name, tasks=arns)["tasks"]
        return [task["lastStatus"] for task in found] == ["STOPPED"]

    return real_if(bool(arns) and awaited(stopped, STOPPED_TIMEOUT_S))


PROBES: dict[str, Probe] = {
    "rds": rds,
    "elasticache": elasticache,
    "docdb": docdb,
    "kafka": kafka,
    "ec2": ec2,
    "ecs": ecs,
}
