from __future__ import annotations

import pytest

from shoplake.bench import stages
from shoplake.errors import UsageError
from shoplake.sinks import SINKS

NAMES = [stage.name for stage in stages.STAGES]


def test_an_empty_list_is_all_that_need_no_asking_for() -> None:
    assert [stage.name for stage in stages.named("")] == [name for name in NAMES if name not in ("warehouse", "demo")]


def test_stages_come_in_the_order_of_the_table() -> None:
    assert [stage.name for stage in stages.named("whole, publish")] == ["publish", "whole"]


def test_what_takes_minutes_is_measured_where_it_is_asked_for() -> None:
    assert [stage.name for stage in stages.named("demo")] == ["demo"]


def test_a_stage_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="no stage 'nonsense'") as caught:
        stages.named("read,nonsense")
    assert "postgres" in caught.value.fix


def test_every_sink_has_a_stage() -> None:
    assert [stage.sink for stage in stages.STAGES if stage.sink] == list(SINKS)


@pytest.mark.parametrize("stage", stages.STAGES, ids=lambda stage: stage.name)
def test_every_stage_has_something_that_measures_it(stage: stages.Stage) -> None:
    assert callable(stages.ours(stage.name))
    if stage.limit_is == "measured":
        assert callable(stages.limit(stage.name))
