"""Reads the semantic models and metrics of the dbt project from their YAML. dbt validates the same files in each build.

A metric is parsed when it is asked for. So a metric of a kind that is not supported here does not stop the others.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import yaml

from shoplake.errors import UnknownName, WarehouseError
from shoplake.warehouse import dbt_project

MONEY = "minor units of currency"
EURO_CENTS = "euro cents"
"""Unit of money that was converted: of one currency, whatever the rows are by."""
"""Unit of a metric that may not be added up over currencies."""
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is ten times as fast
_REF = re.compile(r"""\s*ref\(\s*['"](\w+)['"]\s*\)\s*""")
Yaml: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Measure:
    """An aggregate of a column.

    Attributes:
        agg: as dbt names it: sum, count, ...
        expr: SQL over the columns of the table.
        time: the time dimension whose days it counts on.
        unsupported: settings of it that cannot be compiled here.
    """

    name: str
    agg: str
    expr: str
    time: str
    unsupported: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Time:
    """A time dimension: SQL for a date or timestamp, and its smallest grain."""

    expr: str
    grain: str


@dataclass(frozen=True, slots=True)
class SemanticModel:
    """A gold table as metrics see it.

    Attributes:
        table: in the schema gold.
        keys: entity -> SQL of the key that identifies one row.
        references: entity -> SQL of the key of a row in another model.
        dimensions: name -> SQL of a column to group by.
        times: name -> time dimension.
        measures: name -> measure.
    """

    name: str
    table: str
    keys: Mapping[str, str]
    references: Mapping[str, str]
    dimensions: Mapping[str, str]
    times: Mapping[str, Time]
    measures: Mapping[str, Measure]


@dataclass(frozen=True, slots=True)
class Simple:
    """One measure, of the rows that pass the filters."""

    model: SemanticModel
    measure: Measure
    filters: tuple[str, ...] = ()
    fill_nulls_with: int | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """One metric divided by another."""

    numerator: Metric
    denominator: Metric


@dataclass(frozen=True, slots=True)
class Derived:
    """SQL over other metrics; `inputs` has them by the names in the SQL."""

    expr: str
    inputs: Mapping[str, Metric]


@dataclass(frozen=True, slots=True)
class Metric:
    """A business figure.

    Attributes:
        owner, unit: of `meta`.
        always_by: dimensions that every answer is grouped by: those of `meta` and of the inputs.
    """

    name: str
    label: str
    description: str
    owner: str
    unit: str
    always_by: tuple[str, ...]
    how: Simple | Ratio | Derived


@dataclass(frozen=True, slots=True)
class Definitions:
    """All semantic models, and the metrics as YAML with their files."""

    models: Mapping[str, SemanticModel]
    files: Mapping[str, Path] = field(default_factory=dict)
    metrics: Mapping[str, Yaml] = field(default_factory=dict)

    def metric(self, name: str) -> Metric:
        """A metric by its name.

        Raises:
            UnknownName: it does not exist; the message names the nearest.
            WarehouseError: its definition is incomplete, or of a kind that is not supported here.
        """
        if name not in self.metrics:
            near = difflib.get_close_matches(name, self.metrics, n=1, cutoff=0.5)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise UnknownName(f"there is no metric '{name}'{hint}", fix="`shoplake metrics list` lists all metrics")
        return self._metric(name, ())

    def _metric(self, name: str, above: tuple[str, ...]) -> Metric:
        if name in above or name not in self.metrics:
            problem = "depends on itself" if name in above else f"needs the metric {name}, which does not exist"
            self._refuse(above[-1], problem)
        raw = self.metrics[name]
        meta = {**raw.get("meta", {}), **raw.get("config", {}).get("meta", {})}
        missing = [key for key in ("owner", "unit") if not meta.get(key)]
        if missing or not raw.get("description"):
            self._refuse(name, f"has no {' and no '.join(missing or ['description'])}")
        inputs: list[Metric] = []

        def needed(item: str | Yaml) -> tuple[str, Metric]:
            spec = {"name": item} if isinstance(item, str) else item
            self._only(name, spec, {"name", "alias"})
            inputs.append(self._metric(spec["name"], (*above, name)))
            return spec.get("alias") or spec["name"], inputs[-1]

        how = self._how(name, raw, needed)
        always_by = dict.fromkeys([*meta.get("always_by", []), *(by for one in inputs for by in one.always_by)])
        if meta["unit"] == MONEY and "currency" not in always_by:
            self._refuse(name, f"has the unit '{MONEY}', so its `always_by` has to have currency")
        description = " ".join(raw["description"].split())
        return Metric(name, raw["label"], description, meta["owner"], meta["unit"], tuple(always_by), how)

    def _how(self, name: str, raw: Yaml, needed: Any) -> Simple | Ratio | Derived:  # noqa: ANN401 - a local function
        params, kind = raw.get("type_params", {}), raw.get("type", "simple")
        self._only(name, raw, _METRIC_KEYS | ({"filter"} if kind == "simple" else set()))
        if kind == "simple":
            self._only(name, params, {"measure"})
            return self._simple(name, raw)
        if kind == "ratio":
            self._only(name, params, {"numerator", "denominator"})
            return Ratio(needed(params["numerator"])[1], needed(params["denominator"])[1])
        if kind == "derived":
            self._only(name, params, {"expr", "metrics"})
            return Derived(str(params["expr"]), dict(needed(one) for one in params["metrics"]))
        return self._refuse(name, f"is of the type {kind}")

    def _simple(self, name: str, raw: Yaml) -> Simple:
        spec = raw["type_params"]["measure"]
        spec = {"name": spec} if isinstance(spec, str) else spec
        self._only(name, spec, {"name", "filter", "fill_nulls_with"})
        holders = [model for model in self.models.values() if spec["name"] in model.measures]
        if len(holders) != 1:
            self._refuse(name, f"needs one measure {spec['name']}, found {len(holders)}")
        measure = holders[0].measures[spec["name"]]
        if measure.unsupported:
            self._refuse(name, f"uses {measure.unsupported[0]} in the measure {measure.name}")
        filters = (*_texts(raw.get("filter")), *_texts(spec.get("filter")))
        return Simple(holders[0], measure, filters, spec.get("fill_nulls_with"))

    def _only(self, name: str, found: Yaml, supported: set[str]) -> None:
        for key in found:
            if key not in supported:
                self._refuse(name, f"uses {key}")

    def _refuse(self, name: str, problem: str) -> NoReturn:
        raise WarehouseError(
            f"{self.files[name]}: the metric {name} {problem}",
            fix="here, a metric is simple, ratio or derived, and has a description, an owner and a unit;"
            " docs/warehouse.md lists what is supported",
        )


_METRIC_KEYS = {"name", "label", "description", "type", "type_params", "config", "meta", "tags"}
_AGGREGATES = {"sum", "sum_boolean", "count", "count_distinct", "min", "max", "average"}


def of_project() -> Definitions:
    """The definitions of the dbt project.

    Raises:
        WarehouseError: as `load`.
    """
    return load(dbt_project.project_folder() / "models")


def load(folder: Path) -> Definitions:
    """Read the YAML files of a folder with models.

    Raises:
        WarehouseError: a file is not YAML, or a semantic model in it is incomplete.
    """
    models: dict[str, SemanticModel] = {}
    metrics: dict[str, Yaml] = {}
    files: dict[str, Path] = {}
    for file in sorted([*folder.glob("**/*.yml"), *folder.glob("**/*.yaml")]):
        text = file.read_text()
        if "semantic_models:" not in text and "metrics:" not in text:
            continue  # most of a project: tests and columns
        try:
            content = yaml.load(text, _LOADER) or {}  # noqa: S506 - a safe loader
            for raw in content.get("semantic_models", []):
                models[raw["name"]] = _model(raw)
            for raw in content.get("metrics", []):
                metrics[raw["name"]] = raw
                files[raw["name"]] = file
        except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
            raise WarehouseError(
                f"{file}: expected semantic models and metrics of dbt, found: {error!r}",
                fix="correct the file; `shoplake warehouse build` has dbt's own message",
            ) from error
    return Definitions(models, files, metrics)


def _model(raw: Yaml) -> SemanticModel:
    table = _REF.fullmatch(raw["model"])
    if table is None:
        raise ValueError(f"model: {raw['model']}")
    default_time = raw.get("defaults", {}).get("agg_time_dimension", "")
    entities, dimensions = raw.get("entities", []), raw.get("dimensions", [])
    return SemanticModel(
        name=raw["name"],
        table=table[1],
        keys={one["name"]: _expr(one) for one in entities if one["type"] in ("primary", "unique")},
        references={one["name"]: _expr(one) for one in entities if one["type"] == "foreign"},
        dimensions={one["name"]: _expr(one) for one in dimensions if one["type"] == "categorical"},
        times={
            one["name"]: Time(_expr(one), one["type_params"]["time_granularity"])
            for one in dimensions
            if one["type"] == "time"
        },
        measures={one["name"]: _measure(one, default_time) for one in raw.get("measures", [])},
    )


def _measure(raw: Yaml, default_time: str) -> Measure:
    unsupported = [key for key in ("non_additive_dimension", "agg_params") if raw.get(key)]
    if raw["agg"] not in _AGGREGATES:
        unsupported.append(f"the aggregation {raw['agg']}")
    time = raw.get("agg_time_dimension") or default_time
    return Measure(raw["name"], raw["agg"], _expr(raw), time, tuple(unsupported))


def _expr(raw: Yaml) -> str:
    return str(raw.get("expr") or raw["name"])


def _texts(found: str | list[str] | None) -> list[str]:
    return [found] if isinstance(found, str) else found or []
