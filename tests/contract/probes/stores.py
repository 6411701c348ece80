"""Services that keep something: what goes in has to come out."""

from __future__ import annotations

from shoplake.stack import Support
from tests.contract.probes.judging import Probe, awaited, real_if
from tests.emulators import ACCOUNT, Running

QUERY_TIMEOUT_S = 30


def s3(running: Running, name: str) -> Support:
    api = running.client("s3")
    api.create_bucket(Bucket=name)
    api.put_object(Bucket=name, Key="a/b", Body=b"bytes")
    return real_if(api.get_object(Bucket=name, Key="a/b")["Body"].read() == b"bytes")


def dynamodb(running: Running, name: str) -> Support:
    """Also that a condition is held to: the sink's fence stands on it."""
    api = running.client("dynamodb")
    api.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    item = {"pk": {"S": "one"}, "n": {"N": "1"}}
    api.put_item(TableName=name, Item=item)
    try:
        api.put_item(TableName=name, Item=item | {"n": {"N": "2"}}, ConditionExpression="attribute_not_exists(pk)")
    except api.exceptions.ConditionalCheckFailedException:
        return real_if(api.get_item(TableName=name, Key={"pk": {"S": "one"}})["Item"] == item)
    return Support.CONTROL_PLANE


def autoscaling(running: Running, name: str) -> Support:
    api = running.client("application-autoscaling")
    target = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": f"table/{name}",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    api.register_scalable_target(**target, MinCapacity=1, MaxCapacity=5)
    return Support.CONTROL_PLANE


def ssm(running: Running, name: str) -> Support:
    api = running.client("ssm")
    api.put_parameter(Name=f"/{name}/section/field", Value="value", Type="String")
    below = api.get_parameters_by_path(Path=f"/{name}", Recursive=True)["Parameters"]
    return real_if([one["Value"] for one in below] == ["value"])


def secretsmanager(running: Running, name: str) -> Support:
    api = running.client("secretsmanager")
    api.create_secret(Name=name, SecretString="first")
    api.put_secret_value(SecretId=name, SecretString="second")
    return real_if(api.get_secret_value(SecretId=name)["SecretString"] == "second")


def glue(running: Running, name: str) -> Support:
    api = running.client("glue")
    api.create_database(DatabaseInput={"Name": name})
    table = {"Name": "t", "Parameters": {"metadata_location": "s3://b/m.json"}, "TableType": "EXTERNAL_TABLE"}
    api.create_table(DatabaseName=name, TableInput=table)
    kept = api.get_table(DatabaseName=name, Name="t")["Table"]
    return real_if(kept["Parameters"]["metadata_location"] == "s3://b/m.json")


def athena(running: Running, name: str) -> Support:
    api = running.client("athena")
    running.client("s3").create_bucket(Bucket=name)
    output = {"OutputLocation": f"s3://{name}/"}
    query = api.start_query_execution(QueryString="SELECT 40 + 2 AS n", ResultConfiguration=output)["QueryExecutionId"]

    def ended() -> str:
        state: str = api.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"]
        return state if state in {"SUCCEEDED", "FAILED"} else ""

    if awaited(ended, QUERY_TIMEOUT_S) != "SUCCEEDED":
        return Support.CONTROL_PLANE
    rows = api.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    return real_if(rows[-1]["Data"] == [{"VarCharValue": "42"}])


def kms(running: Running, name: str) -> Support:
    """Real: the text is hidden, comes back, and not with a key that was switched off."""
    del name
    api = running.client("kms")
    key = api.create_key()["KeyMetadata"]["KeyId"]
    text = b"a card number in the clear"
    cipher = api.encrypt(KeyId=key, Plaintext=text)["CiphertextBlob"]
    round_trip = text not in cipher and api.decrypt(CiphertextBlob=cipher)["Plaintext"] == text
    api.disable_key(KeyId=key)
    try:
        api.decrypt(CiphertextBlob=cipher)
    except api.exceptions.DisabledException:
        return real_if(round_trip)
    return Support.CONTROL_PLANE


def budgets(running: Running, name: str) -> Support:
    """No emulator has a bill, so a budget can be kept at the most."""
    api = running.client("budgets")
    limit = {"Amount": "1", "Unit": "USD"}
    budget = {"BudgetName": name, "BudgetLimit": limit, "TimeUnit": "MONTHLY", "BudgetType": "COST"}
    api.create_budget(AccountId=ACCOUNT, Budget=budget)
    kept = api.describe_budget(AccountId=ACCOUNT, BudgetName=name)["Budget"]
    assert kept["BudgetLimit"]["Amount"] in {"1", "1.0"}
    return real_if(float(kept["CalculatedSpend"]["ActualSpend"]["Amount"]) > 0)


def cost_tags(running: Running, name: str) -> Support:
    api = running.client("ce")
    api.list_cost_allocation_tags(TagKeys=[name])
    return Support.CONTROL_PLANE


def tagging(running: Running, name: str) -> Support:
    """Real: what bears a tag is found by it, whichever service it belongs to."""
    tags = [{"Key": "project", "Value": name}]
    s3_api, queues = running.client("s3"), running.client("sqs")
    s3_api.create_bucket(Bucket=name)
    s3_api.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    queues.create_queue(QueueName=name, tags={"project": name})
    answer = running.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "project", "Values": [name]}])
    return real_if(len(answer["ResourceTagMappingList"]) == 2)


PROBES: dict[str, Probe] = {
    "s3": s3,
    "dynamodb": dynamodb,
    "application-autoscaling": autoscaling,
    "ssm": ssm,
    "secretsmanager": secretsmanager,
    "glue": glue,
    "athena": athena,
    "kms": kms,
    "budgets": budgets,
    "ce": cost_tags,
    "resourcegroupstaggingapi": tagging,
}
