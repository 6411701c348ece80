"""Services that tell somebody something: it has to arrive."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shoplake.stack import Support
from tests.contract.probes.judging import Probe, awaited, real_if
from tests.emulators import ACCOUNT, Running

ARRIVAL_S = 5
ALARM_TIMEOUT_S = 45  # LocalStack looks at an alarm once per period, and ten seconds is the shortest
SCHEDULE_TIMEOUT_S = 20


@dataclass(frozen=True)
class Queue:
    """Where a probe's messages arrive."""

    running: Running
    url: str
    arn: str

    def texts(self, wait_s: int = ARRIVAL_S) -> list[str]:
        """What has arrived, waiting for the first."""
        api = self.running.client("sqs")
        answer = api.receive_message(QueueUrl=self.url, WaitTimeSeconds=wait_s, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]


def queue(running: Running, name: str) -> Queue:
    api = running.client("sqs")
    url = api.create_queue(QueueName=name)["QueueUrl"]
    attributes = api.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    return Queue(running, url, attributes["QueueArn"])


def topic(running: Running, name: str, subscriber: Queue) -> str:
    """ARN of a new topic that tells the queue."""
    api = running.client("sns")
    arn: str = api.create_topic(Name=name)["TopicArn"]
    api.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=subscriber.arn, Attributes={"RawMessageDelivery": "true"})
    return arn


def sqs(running: Running, name: str) -> Support:
    target = queue(running, name)
    running.client("sqs").send_message(QueueUrl=target.url, MessageBody="hello")
    return real_if(target.texts() == ["hello"])


def sns(running: Running, name: str) -> Support:
    target = queue(running, name)
    running.client("sns").publish(TopicArn=topic(running, name, target), Message="hello")
    return real_if(target.texts() == ["hello"])


def events(running: Running, name: str) -> Support:
    """Real: a rule passes on what fits it, and an object put into a bucket is told of."""
    target, api, s3 = queue(running, name), running.client("events"), running.client("s3")
    api.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.s3", name]}))
    api.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": target.arn}])
    for source in ("somebody", name):
        api.put_events(Entries=[{"Source": source, "DetailType": "d", "Detail": "{}"}])
    by_rule = [json.loads(text)["source"] for text in target.texts()]
    s3.create_bucket(Bucket=name)
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    s3.put_object(Bucket=name, Key="object", Body=b"1")
    by_bucket = [json.loads(text)["detail-type"] for text in awaited(target.texts, ARRIVAL_S)]
    return real_if("somebody" not in by_rule and name in by_rule and "Object Created" in by_bucket)


def logs(running: Running, name: str) -> Support:
    api = running.client("logs")
    api.create_log_group(logGroupName=name)
    api.create_log_stream(logGroupName=name, logStreamName="s")
    line = {"timestamp": int(time.time() * 1000), "message": "a line"}
    api.put_log_events(logGroupName=name, logStreamName="s", logEvents=[line])
    return real_if([event["message"] for event in api.filter_log_events(logGroupName=name)["events"]] == ["a line"])


def cloudwatch(running: Running, name: str) -> Support:
    """Real: an alarm goes off by itself and tells its topic."""
    target, api = queue(running, name), running.client("cloudwatch")
    api.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="m",
        Statistic="Sum",
        Period=10,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic(running, name, target)],
    )

    def alarm() -> list[str]:
        api.put_metric_data(Namespace=name, MetricData=[{"MetricName": "m", "Value": 3}])
        return [text for text in target.texts(1) if json.loads(text)["NewStateValue"] == "ALARM"]

    return real_if(bool(awaited(alarm, ALARM_TIMEOUT_S)))


def scheduler(running: Running, name: str) -> Support:
    """Real: what is to happen in two seconds happens."""
    target = queue(running, name)
    at = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S")
    running.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=f"at({at})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": target.arn, "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "Input": "now"},
    )
    return real_if(awaited(target.texts, SCHEDULE_TIMEOUT_S) == ["now"])


PROBES: dict[str, Probe] = {
    "sqs": sqs,
    "sns": sns,
    "events": events,
    "logs": logs,
    "cloudwatch": cloudwatch,
    "scheduler": scheduler,
}
