"""A warehouse that was built in steps, some of them killed, has the tables of one that was built once.

Over random logs (`random_log.py`), portions of them, and builds that are killed before a random statement, that build
everything, or that build only some models. Compared is each row of silver and gold, and of the published tables.

Covered: the SQL of all models as dbt sends it, in the branch of `keyed` that the state asks for; `build`, `bronze`,
`state` and `publish` themselves; a kill between any two statements, so also within and between all commits.
Not covered, but by `tests/integration/test_warehouse_incremental.py`: dbt at run time, a file that a killed process
leaves, and Iceberg. One thread runs the statements, and DuckDB does not optimise them, which takes a third of the time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.example_counts import examples

from shoplake.warehouse import dbt_project

from .random_log import Log, random_log
from .recorded_models import Model, record
from .warehouse_in_memory import Killed, Process, Warehouse

pytestmark = [
    pytest.mark.skipif(not dbt_project.has_dbt(), reason="the extra `warehouse` is not installed"),
    pytest.mark.timeout(3600),
]

EXAMPLES = examples(12, 100)
SHOPS = examples(9, 20)
"""Each shop has an order of arrival of its own, so these are 108 of them, and 2,000 at the large tier."""
STATEMENTS_OF_A_BUILD = 400
SOME_MODELS = ("stg_orders", "stg_clicks", "fct_payments", "fct_orders", "revenue_daily")


@dataclass(frozen=True, slots=True)
class Step:
    """A build of what has arrived.

    Attributes:
        killed_before: the statement that it does not send any more, from 0; None: it is not killed.
        full_refresh: whether it builds everything.
        select: the models that it builds; all if empty.
    """

    killed_before: int | None
    full_refresh: bool = False
    select: tuple[str, ...] = ()


kills = st.none() | st.integers(0, STATEMENTS_OF_A_BUILD)
steps = st.one_of(
    st.builds(Step, kills),
    st.builds(Step, st.integers(0, STATEMENTS_OF_A_BUILD)),
    st.builds(Step, kills, full_refresh=st.just(True)),
    st.builds(Step, kills, select=st.sets(st.sampled_from(SOME_MODELS), min_size=1).map(lambda s: tuple(sorted(s)))),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, ...]:
    """The models of the project, recorded once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHOPLAKE_HOME", str(tmp_path_factory.mktemp("home")))
        return record()


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), events=st.integers(10, 60), steps=st.lists(steps, min_size=1, max_size=3))
# A model that has read new payments' events before their payments were built.
@example(seed=2, events=20, steps=[Step(None), Step(None, select=("revenue_daily", "stg_orders"))])
def test_builds_in_steps_with_kills_make_the_tables_of_one_build(
    models: tuple[Model, ...], seed: int, events: int, steps: list[Step]
) -> None:
    draw = random.Random(seed)
    log = random_log(draw, SHOPS, events)
    with closing(Warehouse(log, models)) as in_steps, closing(Warehouse(log, models)) as at_once:
        for arrived, step in zip(portions(draw, log, len(steps)), steps, strict=True):
            in_steps.arrive(arrived)
            build(in_steps, step)
        for warehouse in (in_steps, at_once):
            warehouse.arrive(all_of(log))
            warehouse.build()
        found, expected = in_steps.tables(), at_once.tables()
    assert len(expected) == 2 * GOLD + SILVER
    assert found.keys() == expected.keys()
    for name, rows in expected.items():
        assert found[name] == rows, name


GOLD, SILVER = 17, 8


def build(warehouse: Warehouse, step: Step) -> None:
    process = Process() if step.killed_before is None else Process(step.killed_before)
    # A selected model fails, as with dbt, if a model that it reads was never built.
    ends_early = (Killed, duckdb.CatalogException) if step.select else (Killed,)
    with suppress(*ends_early):
        warehouse.build(process=process, full_refresh=step.full_refresh, select=step.select)


def all_of(log: Log) -> dict[str, int]:
    return {topic: rows.height for topic, rows in log.items()}


def portions(draw: random.Random, log: Log, count: int) -> Iterator[dict[str, int]]:
    """How many records of each topic the lake holds at each build."""
    ends = {topic: sorted(draw.randint(0, rows.height) for _ in range(count)) for topic, rows in log.items()}
    return ({topic: counts[n] for topic, counts in ends.items()} for n in range(count))
