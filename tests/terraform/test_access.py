"""What the roles on AWS may do is what the program does under the names that it uses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from itertools import product

import pytest

from shoplake.contract import DEAD_LETTERS, PUBLISH_PROGRESS, TOPICS
from shoplake.infra import environments
from shoplake.infra.dry_run import DryRun
from shoplake.publish.run import Run, load_scenario
from shoplake.settings import Settings
from shoplake.sinks import SINKS
from shoplake.streaming.dead_letters import router as dead_letters

Planned = Callable[[str], DryRun]


def allowed(found: DryRun, workload: str) -> Iterator[tuple[str, str]]:
    """(action, resource) pairs of one workload's policy."""
    for resource in found.plan.resources:
        if resource.type == "aws_iam_policy" and resource.values["name"].endswith(f"-{workload}"):
            for statement in json.loads(resource.values["policy"])["Statement"]:
                yield from product(_listed(statement["Action"]), _listed(statement["Resource"]))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def may(found: DryRun, workload: str, action: str, kind: str, name: str) -> bool:
    """Whether a workload may do that to Kafka's topic, group or transactional id of that name."""
    return any(
        action == one and f":{kind}/" in resource and fnmatchcase(name, resource.rpartition("/")[2])
        for one, resource in allowed(found, workload)
    )


@pytest.mark.parametrize("name", environments.ON_AWS)
def test_each_sink_may_read_its_topics_in_its_group(planned: Planned, name: str) -> None:
    for sink in SINKS:
        for topic in TOPICS:
            assert may(planned(name), f"{sink}-sink", "kafka-cluster:ReadData", "topic", topic)
        assert may(planned(name), f"{sink}-sink", "kafka-cluster:AlterGroup", "group", f"shoplake-{sink}")


def test_the_publisher_may_write_and_transact_under_its_own_name(planned: Planned) -> None:
    prod = planned("prod")
    run = Run(load_scenario("demo"), 7, 1)
    for topic in (*TOPICS, PUBLISH_PROGRESS):
        assert may(prod, "publisher", "kafka-cluster:WriteData", "topic", topic)
    transaction = f"shoplake-publish-{run.publisher}"
    assert may(prod, "publisher", "kafka-cluster:AlterTransactionalId", "transactional-id", transaction)
    assert not may(prod, "publisher", "kafka-cluster:WriteData", "topic", DEAD_LETTERS)


def test_dead_letters_are_written_by_a_role_of_their_own(planned: Planned) -> None:
    prod = planned("prod")
    assert may(prod, "dead-letters", "kafka-cluster:WriteData", "topic", DEAD_LETTERS)
    assert may(prod, "dead-letters", "kafka-cluster:AlterTransactionalId", "transactional-id", dead_letters.GROUP)
    assert may(prod, "dead-letters", "kafka-cluster:AlterGroup", "group", dead_letters.GROUP)
    assert not any(may(prod, "dead-letters", "kafka-cluster:WriteData", "topic", topic) for topic in TOPICS)


def test_verify_can_read_every_topic_and_write_none(planned: Planned) -> None:
    prod = planned("prod")
    for topic in (*TOPICS, DEAD_LETTERS, PUBLISH_PROGRESS):
        assert may(prod, "reader", "kafka-cluster:ReadData", "topic", topic)
        assert not may(prod, "reader", "kafka-cluster:WriteData", "topic", topic)


def test_the_migrator_may_make_every_topic(planned: Planned) -> None:
    prod = planned("prod")
    for topic in (*TOPICS, DEAD_LETTERS, PUBLISH_PROGRESS):
        assert may(prod, "migrator", "kafka-cluster:CreateTopic", "topic", topic)


@pytest.mark.parametrize("name", environments.ON_AWS)
def test_terraform_writes_every_setting_that_the_program_must_have(planned: Planned, name: str) -> None:
    written = {
        tuple(resource.values["name"].split("/")[3:])
        for resource in planned(name).plan.resources
        if resource.type == "aws_ssm_parameter"
    }
    for section, field in Settings.model_fields.items():
        if section == "environment":
            continue
        known = field.annotation.model_fields  # type: ignore[union-attr]
        assert {key for part, key in written if part == section} <= known.keys()
        assert {key for key, value in known.items() if value.is_required()} <= {k for s, k in written if s == section}
