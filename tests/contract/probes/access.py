"""Who may do what: roles, and the credentials they give."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from shoplake.stack import Support
from tests.contract.probes.judging import Probe, real_if
from tests.emulators import ACCOUNT, Running

ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
NOTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}


def role(running: Running, name: str) -> str:
    """ARN of a new role that anybody may take."""
    answer = running.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(ANYBODY))
    arn: str = answer["Role"]["Arn"]
    return arn


def taken(running: Running, arn: str, service: str) -> Any:
    """A client of a service with the credentials of a role."""
    given = running.client("sts").assume_role(RoleArn=arn, RoleSessionName="probe")["Credentials"]
    return running.client(
        service,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def iam(running: Running, name: str) -> Support:
    """Real: a role that may do nothing can do nothing."""
    arn = role(running, name)
    running.client("iam").put_role_policy(RoleName=name, PolicyName="none", PolicyDocument=json.dumps(NOTHING))
    try:
        taken(running, arn, "s3").list_buckets()
    except ClientError as error:
        return real_if(error.response["Error"]["Code"] == "AccessDenied")
    return Support.CONTROL_PLANE


def sts(running: Running, name: str) -> Support:
    """Real: it says who calls, and who has taken which role."""
    account = running.client("sts").get_caller_identity()["Account"]
    assumed = taken(running, role(running, name), "sts").get_caller_identity()["Arn"]
    return real_if(account == ACCOUNT and f"assumed-role/{name}/probe" in assumed)


PROBES: dict[str, Probe] = {"iam": iam, "sts": sts}
