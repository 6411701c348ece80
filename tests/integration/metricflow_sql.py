"""The SQL that MetricFlow makes of a question, from the manifest that dbt has parsed. It comes with dbt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

from shoplake.warehouse.metrics import dimensions
from shoplake.warehouse.metrics.definitions import Definitions, SemanticModel


def metricflow_of(manifest: Path, known: Definitions) -> Callable[[str, Sequence[str]], str]:
    """A function of a metric and dimensions. Its SQL has the dimensions in their order, then the metric.

    Args:
        manifest: dbt's `semantic_manifest.json`.
        known: our reading of the same definitions, for the names that MetricFlow has for dimensions.
    """
    from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
    from metricflow.protocols.sql_client import SqlEngine
    from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
    from metricflow_semantic_interfaces.implementations.semantic_manifest import PydanticSemanticManifest
    from metricflow_semantic_interfaces.transformations.semantic_manifest_transformer import (
        PydanticSemanticManifestTransformer,
    )
    from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

    parsed = PydanticSemanticManifestTransformer.transform(PydanticSemanticManifest.parse_raw(manifest.read_text()))
    client = SimpleNamespace(sql_engine_type=SqlEngine.DUCKDB, sql_plan_renderer=DuckDbSqlPlanRenderer())
    engine = MetricFlowEngine(SemanticManifestLookup(parsed), client)

    def explained(metric: str, by: Sequence[str]) -> str:
        model = next(dimensions.simple_metrics(known.metric(metric))).how.model
        names = [_name(known, model, name) for name in by]
        request = MetricFlowQueryRequest.create(metric_names=[metric], group_by_names=names)
        columns = ", ".join(f'"{name}"' for name in (*names, metric))
        return f"SELECT {columns} FROM ({engine.explain(request).sql_statement.sql})"

    return explained


def _name(known: Definitions, model: SemanticModel, name: str) -> str:
    if name in dimensions.GRAINS:
        return f"metric_time__{name}"
    joins = dimensions.columns(known, model)[name].joins
    return "__".join([*([join.entity for join in joins] or model.keys), name])
