"""OpenLineage events of the runs in the run log, with the datasets that the map knows.

Source: https://openlineage.io/docs/spec/object-model and, for the names of datasets, https://openlineage.io/docs/spec/naming.
The classes of openlineage-python are generated from the standard's JSON Schemas.
"""

from __future__ import annotations

import datetime as dt
import json
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attr
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    JobFacet,
    RunFacet,
    column_lineage_dataset,
    data_quality_assertions_dataset,
    documentation_dataset,
    documentation_job,
    error_message_run,
    job_type_job,
    ownership_dataset,
    ownership_job,
    processing_engine_run,
    schema_dataset,
)
from openlineage.client.serde import Serde

from shoplake.aws import region
from shoplake.map.graph import RECORDS
from shoplake.query.lake import gold_database
from shoplake.run_log import WORKFLOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shoplake.map.graph import Dataset, Edge, Graph
    from shoplake.run_log import RunRecord
    from shoplake.settings import Settings

PRODUCER = "https://github.com/example/shoplake"
FACETS = f"{PRODUCER}/blob/main/docs/lineage.md"
STREAMS = ("sink-", "dead-letter-router")


@attr.define
class PositionsRunFacet(RunFacet):
    """Positions of the run in the log: topic -> partition -> first offset that it has not read."""

    positions: dict[str, dict[str, int]] = attr.field(factory=dict)

    @staticmethod
    def _get_schema() -> str:
        return f"{FACETS}#positions"


@attr.define
class CountsRunFacet(RunFacet):
    """Numbers of the run, such as `events`."""

    counts: dict[str, int] = attr.field(factory=dict)

    @staticmethod
    def _get_schema() -> str:
        return f"{FACETS}#counts"


class Events:
    """Makes events for one environment."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self._graph = graph
        self._addresses = addresses(settings)

    def of(self, record: RunRecord) -> dict[str, Any]:
        """The event of one record of the run log, as JSON."""
        event = RunEvent(
            eventTime=_time(record.time_ms),
            producer=PRODUCER,
            eventType=RunState[record.state],
            run=Run(runId=record.run, facets=_run_facets(record)),
            job=Job(namespace=f"shoplake-{record.environment}", name=record.job, facets=self._job_facets(record.job)),
            inputs=[
                *(InputDataset(*self._name(one), facets=_facets(one)) for one in self._neighbours(record.job, "up")),
                *self._checked(record),
            ],
            outputs=[
                OutputDataset(*self._name(one), facets=_facets(one) | self._column_lineage(record, one))
                for one in self._neighbours(record.job, "down")
            ],
        )
        return Serde.to_dict(event)

    def _neighbours(self, job: str, direction: Any) -> list[Dataset]:  # noqa: ANN401 - "up" or "down"
        name = _on_the_map(job)
        edges = self._graph.edges(name, direction) if name in self._graph.datasets else ()
        names = dict.fromkeys(edge.source if direction == "up" else edge.target for edge in edges)
        return [self._graph.datasets[one] for one in names]

    def _checked(self, record: RunRecord) -> Iterator[InputDataset]:
        """The datasets that a run of `quality` has checked, each with the results."""
        by_dataset: dict[str, list[Any]] = {}
        for one in record.checks:
            by_dataset.setdefault(one.dataset, []).append(
                data_quality_assertions_dataset.Assertion(
                    assertion=one.kind, success=one.passed, severity=one.severity, name=one.check
                )
            )
        for name, assertions in by_dataset.items():
            if (dataset := self._graph.datasets.get(name)) is not None:
                results = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
                    assertions=assertions, producer=PRODUCER
                )
                yield InputDataset(
                    *self._name(dataset), inputFacets={"dataQualityAssertions": results}, facets=_facets(dataset)
                )

    def _name(self, dataset: Dataset) -> tuple[str, str]:
        namespace, pattern = self._addresses[dataset.system]
        return namespace, pattern.format(dataset.address or dataset.name)

    def _job_facets(self, job: str) -> dict[str, JobFacet]:
        known = self._graph.datasets.get(_on_the_map(job))
        kind = "STREAMING" if job.startswith(STREAMS) else "BATCH"
        facets: dict[str, JobFacet] = {
            "jobType": job_type_job.JobTypeJobFacet(
                processingType=kind, integration="SHOPLAKE", jobType="JOB", producer=PRODUCER
            )
        }
        if known is not None:
            facets["documentation"] = documentation_job.DocumentationJobFacet(
                description=known.description, producer=PRODUCER
            )
            facets["ownership"] = ownership_job.OwnershipJobFacet(
                owners=[ownership_job.Owner(name=f"team:{known.owner}")], producer=PRODUCER
            )
        return facets

    def _column_lineage(self, record: RunRecord, dataset: Dataset) -> dict[str, Any]:
        if record.state != "COMPLETE":
            return {}
        fields = {
            field.name: column_lineage_dataset.Fields(inputFields=inputs)
            for field in dataset.fields
            if (inputs := self._inputs(self._graph.edges(dataset.column(field.name), "up")))
        }
        if not fields:
            return {}
        return {
            "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields, producer=PRODUCER),
        }

    def _inputs(self, edges: Iterable[Edge]) -> list[Any]:
        inputs = []
        for edge in edges:
            system, name, column = edge.source.split(".", 2)
            namespace, dataset = self._name(self._graph.datasets[f"{system}.{name}"])
            how = column_lineage_dataset.Transformation(
                type="INDIRECT" if edge.condition else "DIRECT",
                subtype="FILTER" if edge.condition else "TRANSFORMATION",
            )
            inputs.append(
                column_lineage_dataset.InputField(
                    namespace=namespace, name=dataset, field=column, transformations=[how]
                )
            )
        return inputs


def addresses(settings: Settings) -> dict[str, tuple[str, str]]:
    """System of the map -> namespace of its datasets, and a pattern of their names, as OpenLineage names them.

    Silver is a DuckDB file of this stack, and metrics are computed when asked, so both are in the namespace `shoplake`.
    """
    bucket, folder = urlsplit(settings.lake.warehouse).netloc, urlsplit(settings.lake.warehouse).path.strip("/")
    path = f"{folder}/{{}}.db" if folder else "{}.db"
    mongo = urlsplit(settings.mongo.uri)
    postgres = (
        f"postgres://{settings.postgres.host}:{settings.postgres.port}",
        f"{settings.postgres.database}.{{}}",  # the map's names have the schema
    )
    return {
        "kafka": (f"kafka://{settings.kafka.bootstrap_servers.partition(',')[0]}", "{}"),
        "postgres": postgres,
        "dynamodb": (f"dynamodb://{region()}", "{}"),
        "mongodb": (f"mongodb://{mongo.hostname}:{mongo.port}", f"{settings.mongo.database}.{{}}"),
        "redis": (f"redis://{settings.redis.host}:{settings.redis.port}", "{}"),
        "lake": (f"s3://{bucket}", f"{path.format(settings.lake.database)}/{{}}"),
        "gold": (f"s3://{bucket}", f"{path.format(gold_database(settings))}/{{}}"),
        "silver": ("shoplake", "silver.{}"),
        "metrics": ("shoplake", "metrics.{}"),
        "dashboards": ("shoplake", "dashboards.{}"),
        **dict.fromkeys(RECORDS, postgres),
    }


def _on_the_map(job: str) -> str:
    """The full name of a job of the run log. All workflows are one job of the map."""
    return "jobs.workflow" if job.startswith(WORKFLOW) else f"jobs.{job}"


def _facets(dataset: Dataset) -> dict[str, Any]:
    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=field.name, type=field.type, description=field.description or None)
        for field in dataset.fields
    ]
    return {
        "schema": schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER),
        "documentation": documentation_dataset.DocumentationDatasetFacet(
            description=dataset.description, producer=PRODUCER
        ),
        "ownership": ownership_dataset.OwnershipDatasetFacet(
            owners=[ownership_dataset.Owner(name=f"team:{dataset.owner}")], producer=PRODUCER
        ),
    }


def _run_facets(record: RunRecord) -> dict[str, RunFacet]:
    facets: dict[str, RunFacet] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            version=metadata.version("shoplake"), name="shoplake", producer=PRODUCER
        )
    }
    if record.counts:
        facets["shoplake_counts"] = CountsRunFacet(counts=record.counts, producer=PRODUCER)
    if record.positions:
        facets["shoplake_positions"] = PositionsRunFacet(positions=json.loads(record.positions), producer=PRODUCER)
    if record.error:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=record.error, programmingLanguage="Python", producer=PRODUCER
        )
    return facets


def _time(time_ms: int) -> str:
    return dt.datetime.fromtimestamp(time_ms / 1000, tz=dt.UTC).isoformat(timespec="milliseconds")
