"""The file of faults tells what decoding finds, also of what an earlier run published, and is whole or not there."""

from __future__ import annotations

import json

import polars as pl
import pytest

import shopsim
from shoplake.contract import TOPICS, rejections
from shoplake.errors import UsageError
from shoplake.publish import files
from shoplake.publish.fault_ledger import FaultLedger
from shoplake.publish.run import Run
from shopsim.faults.encoding import CONTENT_FAULTS, REASONS
from shopsim.faults.selection import FAULTS, LEDGER

EVENTS = 6_000


@pytest.fixture(scope="module")
def run() -> Run:
    definition = shopsim.load_scenario("demo").to_dict()
    definition["customers"]["initial"] = 300
    definition["faults"]["rates"] = {"all": dict.fromkeys(FAULTS, 0.01)}
    return Run(shopsim.scenario_from_dict(definition), 7, EVENTS)


def read(path) -> pl.DataFrame:
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    return pl.DataFrame([json.loads(line) for line in path.read_text().splitlines()], schema=LEDGER)


@pytest.mark.parametrize("name", ["faults.jsonl", "faults.parquet"])
def test_exactly_the_events_in_the_ledger_are_refused(run, tmp_path, name):
    with FaultLedger(run, tmp_path / name, keep_when_interrupted=False) as ledger:
        files.write_run(run, tmp_path / "out", "jsonl", watch=ledger)
    told = read(tmp_path / name)
    assert told.schema == LEDGER
    for topic in TOPICS:
        values = (tmp_path / "out" / f"{topic}.jsonl").read_bytes().splitlines()
        refused = sorted((json_id(values[r.position]), r.reason) for r in rejections(topic, values))
        breaking = told.filter((pl.col("topic") == topic) & pl.col("fault").is_in(CONTENT_FAULTS))
        assert refused == sorted((row["event_id"], REASONS[row["fault"]]) for row in breaking.rows(named=True))
        twice = told.filter((pl.col("topic") == topic) & (pl.col("fault") == "duplicated"))["event_id"]
        ids = pl.Series([json_id(value) for value in values])
        assert sorted(ids.filter(ids.is_duplicated()).unique()) == sorted(twice)
    assert set(told["fault"]) == set(FAULTS)
    assert (told["delay_ms"] > 0).to_list() == told["fault"].is_in(["late", "out_of_order", "duplicated"]).to_list()


def json_id(value: bytes) -> str:
    return value.split(b'"event_id":"')[1].split(b'"')[0].decode()


def test_the_ledger_includes_earlier_runs(run, tmp_path):
    with FaultLedger(run, tmp_path / "whole.jsonl", keep_when_interrupted=True) as ledger:
        tell_from(run, shopsim.Position(), 0, ledger)
    *_, last = run.stream(limit=2_345)
    with FaultLedger(run, tmp_path / "resumed.jsonl", keep_when_interrupted=True) as ledger:
        tell_from(run, last.next, 2_345, ledger)
    assert (tmp_path / "resumed.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def tell_from(run, start, events, watch) -> None:
    watch(events, None)
    for window in run.stream(start, limit=run.events - events):
        events += window.rows.height
        watch(events, window)


@pytest.mark.parametrize(
    ("trouble", "keep", "left"),
    [
        (ValueError, True, []),
        (KeyboardInterrupt, False, []),
        (KeyboardInterrupt, True, ["faults.jsonl"]),
    ],
)
def test_a_partial_ledger_remains_only_beside_partial_records(run, tmp_path, trouble, keep, left):
    with pytest.raises(trouble), FaultLedger(run, tmp_path / "faults.jsonl", keep_when_interrupted=keep):
        raise trouble
    assert [path.name for path in tmp_path.iterdir()] == left


@pytest.mark.parametrize(
    ("name", "message"), [("faults.csv", r"\.jsonl or \.parquet"), ("no/faults.jsonl", "no folder")]
)
def test_an_invalid_file_is_refused_before_the_simulation(run, tmp_path, name, message):
    with pytest.raises(UsageError, match=message):
        FaultLedger(run, tmp_path / name, keep_when_interrupted=False)
