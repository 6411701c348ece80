"""The datasets of the map as assets of Dagster, from topics to dashboards, with checks of quality and of age."""

# No `from __future__ import annotations` here: Dagster refuses an op whose annotations are texts.

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from shoplake.map.graph import RECORDS, SYSTEMS, Dataset, Edge, Graph
from shoplake.orchestration.instance import environment_of_servers
from shoplake.orchestration.shared_steps.quality import FRESHNESS, QUALITY, notes
from shoplake.orchestration.workflow import Check
from shoplake.terminal import to_stderr

NOT_ASSETS = ("jobs", *RECORDS)


def specs(graph: Graph) -> list[dg.AssetSpec]:
    """An external asset per dataset of the map, from topics to dashboards.

    Dagster runs none of them: workflows note what they have read and written.
    """
    upstream: dict[str, list[str]] = {}
    datasets = [edge for edge in graph.flows if graph.datasets[edge.source].system not in NOT_ASSETS]
    for edge in without_cycles(datasets):
        upstream.setdefault(edge.target, []).append(edge.source)
    return [
        dg.AssetSpec(
            key=key(one.id),
            deps=[dg.AssetDep(key(name)) for name in upstream.get(one.id, ())],
            description=one.description,
            group_name=one.system,
            owners=[f"team:{one.owner}"],
            tags=dict.fromkeys(one.tags, ""),
            kinds={one.kind.replace(" ", "_")},
            metadata={name: value for name, value in _facts(one).items() if value},
        )
        for one in graph.datasets.values()
        if one.system not in NOT_ASSETS
    ]


def checks(graph: Graph, with_rules: Iterable[str]) -> list[dg.AssetChecksDefinition]:
    """The checks of all datasets. Workflows note their results; started by hand they are evaluated here.

    Args:
        graph: the map.
        with_rules: datasets that have rules of quality.
    """
    aged = [one.id for one in graph.datasets.values() if one.freshness.event_time_s or one.freshness.arrival_s]
    ruled = [name for name in with_rules if name in graph.datasets]
    names = [*((name, QUALITY) for name in ruled), *((name, FRESHNESS) for name in aged)]

    def evaluate_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        wanted = context.selected_asset_check_keys
        for one in _evaluated({".".join(each.asset_key.path) for each in wanted}):
            if dg.AssetCheckKey(key(one.dataset), one.name) in wanted:
                yield dg.AssetCheckResult(
                    asset_key=key(one.dataset), check_name=one.name, passed=one.passed, metadata=dict(one.details)
                )

    listed = [dg.AssetCheckSpec(check, asset=key(dataset)) for dataset, check in names]
    return [dg.multi_asset_check(name="evaluate_checks", specs=listed, can_subset=True)(evaluate_checks)]


def datasets_with_rules() -> list[str]:
    """Datasets that have rules of quality, by full name.

    Raises:
        InvalidCheck: a shipped file of checks is not valid.
    """
    from shoplake.quality import run

    return sorted({one.dataset for one in run.collected().checks})


def without_cycles(edges: Iterable[Edge]) -> list[Edge]:
    """The edges without those that close a cycle: repaired dead letters go back to their topics.

    Edges from an earlier to a later system come first, so that these stay.
    """
    reach: dict[str, set[str]] = {}
    kept = []
    for edge in sorted(edges, key=lambda one: _rank(one.target) <= _rank(one.source)):
        if edge.source == edge.target or edge.source in reach.get(edge.target, ()):
            continue
        kept.append(edge)
        below = {edge.target} | reach.get(edge.target, set())
        reach.setdefault(edge.source, set()).update(below)
        for ends in reach.values():
            if edge.source in ends:
                ends |= below
    return kept


def key(dataset: str) -> dg.AssetKey:
    """Key of the asset of a dataset, by its full name."""
    return dg.AssetKey(dataset.split(".", 1))


def _rank(name: str) -> int:
    return SYSTEMS.index(name.partition(".")[0])


def _facts(dataset: Dataset) -> Mapping[str, Any]:
    limits = dataset.freshness
    return {
        "source": dataset.source,
        "grain": dataset.grain,
        "unit": dataset.unit,
        "address": dataset.address,
        "data_class": dataset.data_class,
        "oldest_event_s": limits.event_time_s,
        "longest_wait_s": limits.arrival_s,
    }


def _evaluated(datasets: set[str]) -> Sequence[Check]:
    """Evaluate rules and ages of some datasets, as `quality run` and `freshness` do."""
    from shoplake.environments import connect
    from shoplake.quality import run
    from shoplake.quality.freshness import ages
    from shoplake.quality.map_facts import facts_of

    environment, found = environment_of_servers(), run.collected()
    settings, facts = connect(environment), facts_of(found.keys, datasets)
    rules = run.without_warehouse(run.chosen(found.checks, datasets, None), environment)
    results = run.evaluated(settings, environment, rules, facts, to_stderr)
    results += [each for age in ages.ages(settings, environment, facts, to_stderr) for each in age.results()]
    return notes(results)
