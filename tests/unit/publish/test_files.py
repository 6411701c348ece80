"""Events to files: complete, typed, the same each time, and nothing half-written."""

from __future__ import annotations

import base64
import errno
import json
from pathlib import Path

import polars as pl
import pytest

import shopsim
from shoplake.contract import TOPICS, decode
from shoplake.errors import ShoplakeError, UsageError
from shoplake.publish import files
from shoplake.publish.run import Run

EVENTS = 12_000


@pytest.fixture(scope="module")
def run() -> Run:
    definition = shopsim.load_scenario("demo").to_dict()
    definition["faults"] |= {"malformed": 0.01, "schema": 0.01}
    return Run(shopsim.scenario_from_dict(definition), 7, EVENTS)


@pytest.fixture(scope="module")
def windows(run):
    return list(shopsim.stream(run.scenario, run.seed, limit=run.events))


def test_jsonl_holds_each_events_bytes_in_order(windows, tmp_path):
    counts = files.write(windows, tmp_path, "jsonl")
    rows = pl.concat([w.rows for w in windows])
    for topic in TOPICS:
        lines = (tmp_path / f"{topic}.jsonl").read_bytes().splitlines()
        assert lines == rows.filter(pl.col("topic") == topic)["value"].to_list()
        assert counts[topic] == len(lines)
    assert sum(counts.values()) == EVENTS


def test_parquet_holds_the_topics_columns_and_puts_the_broken_events_aside(windows, tmp_path):
    counts = files.write(windows, tmp_path, "parquet")
    rows = pl.concat([w.rows for w in windows])
    rejected = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    for name, topic in TOPICS.items():
        values = rows.filter(pl.col("topic") == name)["value"].to_list()
        frame = pl.read_parquet(tmp_path / f"{name}.parquet")
        assert frame.schema == topic.columns
        assert frame.equals(decode(name, values).events.drop("position"))
        assert counts[name] == frame.height + sum(r["topic"] == name for r in rejected)
    broken = rows.drop_nulls("fault")["value"].to_list()
    assert [base64.b64decode(r["value_base64"]) for r in rejected] == broken


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_run_is_written_as_its_windows_are_and_again_the_same(run, windows, tmp_path, format):
    files.write(windows, tmp_path / "one", format)
    files.write_run(run, tmp_path / "two", format)
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")


def test_the_caller_is_told_how_far_it_is(windows, tmp_path):
    seen = []
    files.write(windows, tmp_path, "jsonl", watch=seen.append)
    assert seen[-1] == EVENTS


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(windows, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="is not empty"):
        files.write(windows, tmp_path, "jsonl")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_overwriting_replaces_the_topics_files_and_no_others(windows, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    (tmp_path / "clicks.jsonl").write_text("old")
    files.write(windows, tmp_path, "jsonl", overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "precious"
    assert (tmp_path / "clicks.jsonl").read_bytes().startswith(b'{"type":')


def test_an_unknown_format_is_named(windows, tmp_path):
    with pytest.raises(UsageError, match="jsonl, parquet, found 'avro'"):
        files.write(windows, tmp_path, "avro")


def test_a_file_in_place_of_the_folder_is_refused(windows, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="found a file"):
        files.write(windows, tmp_path / "out", "jsonl")


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("trouble", "error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ShoplakeError, "no space left"),
        (OSError(errno.EACCES, "Permission denied"), ShoplakeError, "cannot write into"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_what_goes_wrong_half_way_leaves_nothing_behind(windows, tmp_path, format, trouble, error, message):
    def failing():
        yield windows[0]
        raise trouble

    with pytest.raises(error, match=message):
        files.write(failing(), tmp_path, format)
    assert list(tmp_path.iterdir()) == []


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
