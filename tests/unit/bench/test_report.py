from __future__ import annotations

import re

import msgspec
import pytest

from shoplake.bench.report import COLUMNS, compact, document, met, row, short
from shoplake.bench.results import Measure, Measured, Sample
from shoplake.bench.stages import STAGES, Stage

NARROW = 80


def stage(**changes: object) -> Stage:
    return Stage(**{"name": "read", "what": "reads", "limit": "bare", "needs": "log", "aim": "much"} | changes)  # type: ignore[arg-type]


def measured(ours_s: float, limit_s: float = 1.0, **figures: float) -> Measured:
    ours = Measure(1_000_000, ours_s, ours_s / 2, 0.5, 200_000_000).with_figures(**figures)
    return Measured("read", (Sample(ours, Measure(1_000_000, limit_s, limit_s)),))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.00123, "0.0012"), (0.5, "0.50"), (1.357, "1.36"), (13.57, "13.6"), (135.7, "136"), (1357.2, "1357")],
)
def test_figures_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(("value", "text"), [(905, "905"), (41_700, "41.7k"), (1_361_000, "1.36M")])
def test_rates_are_compact(value: float, text: str) -> None:
    assert compact(value) == text


def test_a_row_has_a_cell_for_every_column() -> None:
    found = row(stage(), measured(2.0))
    assert dict(zip(COLUMNS, found.cells, strict=True)) == {
        "events/s": "500k",
        "limit": "1.00M",
        "ratio": "0.50",
        "ratio of CPU": "1.00",
        "µs CPU": "1.00",
        "servers": "0.50",
        "MB": "200",
    }


def test_a_second_line_has_the_least_and_the_most() -> None:
    one, other = measured(2.0).samples[0], measured(4.0).samples[0]
    found = row(stage(), Measured("read", (one, other)))
    assert found.cells[0] == "375k\n250k–500k"


def test_a_row_says_what_was_measured_and_beside_what() -> None:
    found = row(stage(), measured(2.0, p50_s=0.25, lost=0.0, stack_bytes=1.4e9))
    assert found.notes == ("reads; 1,000,000 events", "limit: bare", "p50 0.25 s, lost 0, stack 1400 MB")


def test_a_stage_without_a_limit_has_empty_cells() -> None:
    found = row(stage(limit=""), Measured("read", (Sample(Measure(1000, 1.0, 1.0)),)))
    assert found.cells[1:4] == ("", "", "")


@pytest.mark.parametrize(
    ("changes", "ours_s", "reached"),
    [
        ({"aim_ratio": 0.5}, 2.0, True),
        ({"aim_ratio": 0.6}, 2.0, False),
        ({"aim_rate": 400_000}, 2.0, True),
        ({"aim_rate": 400_000, "aim_ratio": 0.6}, 2.0, False),
        ({"aim_rate": 900_000}, 2.0, False),
        ({"aim_rate": 900_000, "one_thread": True}, 2.0, True),  # its CPU time is half of that
        ({}, 2.0, None),
    ],
)
def test_an_aim_is_met_by_all_that_it_says(changes: dict[str, object], ours_s: float, reached: bool | None) -> None:
    assert met(stage(**changes), measured(ours_s)) is reached


def test_a_figure_that_must_be_nothing_is_missed_by_one() -> None:
    exact = stage(aim_figures=(("lost", 0.0),))
    assert met(exact, measured(2.0, lost=0.0)) is True
    assert met(exact, measured(2.0, lost=1.0)) is False


def test_scripts_get_every_measurement_and_the_verdict() -> None:
    (found,) = document({"read": stage(aim_ratio=0.6)}, [measured(2.0)])
    assert found["met"] is False
    assert found["ratio"] == {"median": 0.5, "min": 0.5, "max": 0.5}
    assert found["runs"] == msgspec.to_builtins(measured(2.0).samples)
    msgspec.json.encode(found)


def test_every_stage_says_what_is_aimed_at_in_figures_too() -> None:
    for one in STAGES:
        assert one.aim_ratio or one.aim_rate or one.aim_figures, one.name
        assert bool(one.limit) == (one.limit_is != "none"), one.name
        for share in re.findall(r"(0\.\d) of the limit", one.aim):
            assert float(share) == one.aim_ratio
