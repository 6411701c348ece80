"""Events to files: complete, typed, the same each time, and nothing half-written."""

from __future__ import annotations

import base64
import dataclasses
import errno
import itertools
import json
from pathlib import Path

import polars as pl
import pytest

import shopsim
from shoplake.contract import TOPICS, decode
from shoplake.errors import ShoplakeError, UsageError
from shoplake.publish import files
from shoplake.publish.run import Run
from shopsim.faults.encoding import CONTENT_FAULTS

EVENTS = 12_000


@pytest.fixture(scope="module")
def run() -> Run:
    definition = shopsim.load_scenario("demo").to_dict()
    definition["faults"]["rates"] = {"all": {"malformed": 0.01, "wrong_type": 0.01, "duplicated": 0.01, "late": 0.01}}
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


def test_parquet_has_the_topics_columns_and_rejects_invalid_events(windows, tmp_path):
    counts = files.write(windows, tmp_path, "parquet")
    rows = pl.concat([w.rows for w in windows])
    rejected = [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]
    for name, topic in TOPICS.items():
        values = rows.filter(pl.col("topic") == name)["value"].to_list()
        frame = pl.read_parquet(tmp_path / f"{name}.parquet")
        assert frame.schema == topic.columns
        assert frame.equals(decode(name, values).events.drop("position"))
        assert counts[name] == frame.height + sum(r["topic"] == name for r in rejected)
    broken = rows.filter(pl.col("fault").is_in(CONTENT_FAULTS))["value"].to_list()
    assert sorted(base64.b64decode(r["value_base64"]) for r in rejected) == sorted(broken)


def test_csv_holds_the_same_columns_with_lists_as_json(windows, tmp_path):
    files.write(windows, tmp_path / "csv", "csv")
    files.write(windows, tmp_path / "parquet", "parquet")
    assert (tmp_path / "csv" / "rejected.jsonl").read_bytes() == (tmp_path / "parquet" / "rejected.jsonl").read_bytes()
    for name, topic in TOPICS.items():
        flat = {column: pl.String if kind == pl.List else kind for column, kind in topic.columns.items()}
        found = pl.read_csv(tmp_path / "csv" / f"{name}.csv", schema=flat)
        expected = pl.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
        for column, kind in topic.columns.items():
            if kind == pl.List:
                parsed = [None if text is None else json.loads(text) for text in found[column]]
                assert parsed == expected[column].to_list()
            else:
                assert found[column].equals(expected[column]), column


def test_only_selected_topics_have_files(run, tmp_path):
    counts = files.write_run(dataclasses.replace(run, topics=("orders",)), tmp_path, "jsonl")
    assert counts == {"orders": EVENTS}
    assert [path.name for path in tmp_path.iterdir()] == ["orders.jsonl"]


@pytest.mark.parametrize("format", ["jsonl", "parquet", "csv"])
def test_a_run_writes_its_windows_and_repeats_the_same_bytes(run, windows, tmp_path, format):
    files.write(windows, tmp_path / "one", format)
    files.write_run(run, tmp_path / "two", format)
    assert _contents(tmp_path / "one") == _contents(tmp_path / "two")


def test_the_caller_receives_progress(windows, tmp_path):
    seen = []
    files.write(windows, tmp_path, "jsonl", watch=lambda events, window: seen.append((events, window)))
    counts = itertools.accumulate((w.rows.height for w in windows), initial=0)
    assert seen == list(zip(counts, [None, *windows], strict=True))


def test_a_folder_with_files_is_refused_and_not_changed(windows, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="is not empty"):
        files.write(windows, tmp_path, "jsonl")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_overwriting_replaces_only_the_topics_files(windows, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    (tmp_path / "clicks.jsonl").write_text("old")
    files.write(windows, tmp_path, "jsonl", overwrite=True)
    assert (tmp_path / "mine.txt").read_text() == "precious"
    assert (tmp_path / "clicks.jsonl").read_bytes().startswith(b'{"type":')


def test_an_unknown_format_is_named(windows, tmp_path):
    with pytest.raises(UsageError, match="there is no format 'avro'"):
        files.write(windows, tmp_path, "avro")


def test_a_file_in_place_of_the_folder_is_refused(windows, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="found a file"):
        files.write(windows, tmp_path / "out", "jsonl")


@pytest.mark.parametrize("format", ["jsonl", "parquet", "csv"])
@pytest.mark.parametrize(
    ("trouble", "error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ShoplakeError, "no space left"),
        (OSError(errno.EACCES, "Permission denied"), ShoplakeError, "cannot write into"),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_a_failed_run_leaves_no_files(windows, tmp_path, format, trouble, error, message):
    def failing():
        yield windows[0]
        raise trouble

    with pytest.raises(error, match=message):
        files.write(failing(), tmp_path, format)
    assert list(tmp_path.iterdir()) == []


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
