"""What a source declares is on the map, with owner, description, data class and lineage; and nothing else is."""

from __future__ import annotations

import pytest
from tests.unit.map import sink_outputs

from shoplake import contract, kafka, paths
from shoplake.contract.data_classes import CLASSES
from shoplake.map.graph import RECORDS, SYSTEMS, Graph
from shoplake.settings import DynamoDBSettings
from shoplake.sinks import SINKS
from shoplake.sinks.mongo.documents import PARTS as DOCUMENTS
from shoplake.sinks.postgres.model import METADATA
from shoplake.sinks.redis import sink as redis
from shoplake.warehouse import dbt_project
from shoplake.warehouse.metrics import definitions

SOURCES = {"kafka", *RECORDS}
"""Systems whose datasets come from no other data, only from a job."""
NO_COLUMNS = ("job", "schema")


def _redis_datasets() -> set[str]:
    keys = {redis.CHECKPOINTS, redis.EPOCHS, redis.FILLING, redis.IDENTITIES}
    for topic in contract.TOPICS.values():
        batch = redis.Batch({topic.name: sink_outputs.frame(topic.name, sink_outputs.events(topic))}, {})
        keys |= {key for key, _ in (*redis.hash_changes(batch), *redis.sorted_set_changes(batch))}
    return {sink_outputs.redis_dataset(key)[0] for key in keys}


def _models(schema: str) -> set[str]:
    folders = {"silver": ("staging", "intermediate", "metrics"), "gold": ("dimensions", "facts", "marts")}[schema]
    root = dbt_project.project_folder() / "models"
    return {path.stem for folder in folders for path in (root / folder).glob("*.sql")}


@pytest.mark.parametrize(
    ("system", "declared"),
    [
        ("kafka", lambda: {topic.name for topic in kafka.all_topics(1, 1)}),
        ("postgres", lambda: {table.name for table in METADATA.tables.values()}),
        ("dynamodb", lambda: {name.removesuffix("_table") for name in DynamoDBSettings.model_fields}),
        ("mongodb", lambda: {part.collection for part in DOCUMENTS} | {"checkpoints"}),
        ("redis", _redis_datasets),
        ("lake", lambda: set(contract.TOPICS)),
        ("silver", lambda: _models("silver")),
        ("gold", lambda: _models("gold")),
        ("metrics", lambda: set(definitions.of_project().metrics)),
        ("dashboards", lambda: {path.stem for path in (dbt_project.project_folder() / "dashboards").glob("*.yaml")}),
        (
            "jobs",
            lambda: (
                {
                    "generate",
                    "dead-letter-router",
                    "replay",
                    "warehouse",
                    "verify",
                    "quality",
                    "profile",
                    "lineage",
                    "workflow",
                }
                | {f"sink-{name}" for name in SINKS}
            ),
        ),
        ("quality", lambda: {"runs", "results", "profiles"}),
        ("lineage", lambda: {"events"}),
        ("dagster", lambda: {"storage"}),
    ],
)
def test_each_system_has_what_its_source_declares(system: str, declared: object, graph: Graph) -> None:
    assert callable(declared)
    assert {one.name for one in graph.datasets.values() if one.system == system} == declared()


def test_each_dataset_is_described_and_owned(graph: Graph) -> None:
    lacking = [one.id for one in graph.datasets.values() if not (one.description and one.owner and one.source)]
    assert not lacking
    assert not [one.id for one in graph.datasets.values() if not (paths.project_root() / one.source).is_file()]
    assert {one.system for one in graph.datasets.values()} <= set(SYSTEMS)


def test_each_dataset_but_a_job_or_a_schema_has_columns_with_a_type_and_a_class(graph: Graph) -> None:
    for dataset in (one for one in graph.datasets.values() if one.kind not in NO_COLUMNS):
        assert dataset.fields, dataset.id
        assert not [one.name for one in dataset.fields if not one.type or one.data_class not in CLASSES], dataset.id


def test_each_dataset_comes_from_another_one(graph: Graph) -> None:
    without = [one.id for one in graph.datasets.values() if not graph.edges(one.id, "up")]
    of_all_datasets = ["jobs.verify", "jobs.quality", "jobs.profile", "jobs.lineage", "jobs.workflow"]
    assert without == ["silver.metricflow_time_spine", "jobs.generate", *of_all_datasets]
    from_topics = [
        one for one in graph.datasets.values() if one.system not in {*SOURCES, "jobs"} and one.id not in without
    ]
    for dataset in from_topics:
        assert any(name.startswith("kafka.") for name in graph.reached(dataset.id, "up")), dataset.id


def test_each_column_of_a_store_model_or_metric_comes_from_a_field_of_an_event(graph: Graph) -> None:
    place_in_the_log = {"kafka_partition", "kafka_offset"}
    bookkeeping = {"folded", "rev", "generation"}
    for dataset in graph.datasets.values():
        if dataset.system in {*SOURCES, "jobs"} or {"bookkeeping", "static"} & set(dataset.tags):
            continue
        for field in dataset.fields:
            if field.name in place_in_the_log | bookkeeping:
                continue
            column = dataset.column(field.name)
            assert any(name.startswith("kafka.") for name in graph.reached(column, "up")), column


def test_each_dataset_with_data_of_the_shop_says_how_old_it_may_be(graph: Graph) -> None:
    for dataset in graph.datasets.values():
        if dataset.system in {"metrics", "dashboards", "jobs"} or {"bookkeeping", "static"} & set(dataset.tags):
            continue
        assert dataset.freshness.event_time_s, dataset.id
        assert dataset.freshness.arrival_s, dataset.id
