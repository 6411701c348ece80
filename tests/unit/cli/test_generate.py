"""`generate` and `scenario` as people type them: what they print, what they refuse, and what they leave behind."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

import shopsim
from shoplake.cli.generate import app as generate
from shoplake.cli.main import app
from shoplake.cli.publish_progress import Meter, Sampler
from shoplake.contract import TOPICS
from shoplake.errors import InvalidScenario, UsageError
from shoplake.publish.run import Run
from shopsim.scenario.json_schema import json_schema

SCENARIOS = Path(__file__).parents[3] / "generators" / "scenarios"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def small(tmp_path: Path) -> str:
    """A scenario file with few customers, made by `scenario new`."""
    path = tmp_path / "small.yaml"
    made = run("scenario", "new", "small", "--out", str(path))
    assert made.exit_code == 0, made.output
    text = path.read_text()
    path.write_text(text.replace("initial: 2000", "initial: 100").replace("window_hours: 96", "window_hours: 24"))
    assert path.read_text() != text
    return str(path)


def test_a_dry_run_counts_the_events_of_files(small, tmp_path):
    said = run("generate", "--scenario", small, "--days", "6", "--dry-run")
    made = run("generate", "--scenario", small, "--days", "6", "--out", str(tmp_path / "out"))
    assert (said.exit_code, made.exit_code) == (0, 0)
    for topic in TOPICS:
        data = (tmp_path / "out" / f"{topic}.jsonl").read_bytes()
        events, size = data.count(b"\n"), len(data)
        assert re.search(rf"{topic}\W+{events:,}\W+{size:,}\W", said.stdout), said.stdout
    assert "6.0 days from 2026-09-01: exact, from a full simulation; nothing was published" in said.stdout


def test_json_has_planned_and_published_counts(small, tmp_path):
    said = json.loads(run("generate", "--scenario", small, "--days", "6", "--dry-run", "--json").stdout)
    made = json.loads(run("generate", "--scenario", small, "--days", "6", "--out", f"{tmp_path}/out", "--json").stdout)

    assert {topic: counts["events"] for topic, counts in said["topics"].items()} == made["topics"]
    assert made["events"] == sum(made["topics"].values()) > 0
    assert said["exact"]


def test_days_and_start_change_the_period(small, tmp_path):
    for days in (2, 3):
        run(
            "generate", "--scenario", small, "--days", str(days), "--start", "2025-03-01", "--out", f"{tmp_path}/{days}"
        )
    two, three = ((tmp_path / days / "clicks.jsonl").read_bytes().splitlines() for days in ("2", "3"))
    assert three[: len(two)] == two
    times = [json.loads(line)["occurred_at_ms"] for line in three[len(two) :]]
    assert 1_740_960_000_000 <= min(times) <= max(times) < 1_741_046_400_000  # 3 March 2025


def test_only_selected_topics_have_files(small, tmp_path):
    options = ("--scenario", small, "--events", "300", "--topics", "reviews, orders", "--format", "csv")
    assert run("generate", *options, "--out", f"{tmp_path}/out").exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"orders.csv", "reviews.csv", "rejected.jsonl"}


def test_faults_are_listed_beside_the_files(small, tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(path.read_text().replace("page_viewed: {malformed: 0.0002", "page_viewed: {malformed: 0.2"))
    options = ("--events", "6000", "--faults-out", f"{tmp_path}/faults.parquet")
    assert run("generate", "--scenario", small, *options, "--out", f"{tmp_path}/out").exit_code == 0
    assert pl.read_parquet(tmp_path / "faults.parquet")["fault"].value_counts()["count"].max() > 50


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--events", "0"], "is not in the range|greater than or equal"),
        (["--topics", "clicks,ordres"], "--topics: expected topics out of customers, .* found `ordres` .*`orders`"),
        (["--days", "99999"], "--days: expected an end before 2100-01-01, found 99999 days from 2026-09-01"),
        (["--start", "tomorrow"], "--start: expected a date such as 2026-09-01, found `tomorrow`"),
        (["--start", "1980-01-01"], "start: expected a date from 1990-01-02 to 2099-01-01, found 1980-01-01"),
        (["--rate", "quick"], "--rate: expected a rate such as"),
        (["--speed", "quick"], "--speed: expected a speed such as 60x"),
        (["--out", "x", "--live"], "--live, --speed and --rate apply to Kafka only"),
        (["--out", "x", "--rate", "5/s"], "--live, --speed and --rate apply to Kafka only"),
        (["--out", "x", "--format", "avro"], "there is no format 'avro'\n.*jsonl, parquet, csv"),
        (["--out", "x", "--faults-out", "faults.txt"], r"ends in \.jsonl or \.parquet, found 'faults\.txt'"),
        (["--out", "x", "--engine", "flink"], "--engine: expected one of local, spark, found 'flink'"),
        (["--engine", "spark"], "--engine spark only writes JSON lines to a folder"),
        (["--out", "x", "--engine", "spark", "--format", "csv"], "--engine spark only writes JSON lines to a folder"),
        (["--more", "5", "--events", "5"], "expected --more alone"),
        (["--more", "5", "--out", "x"], "expected --more alone"),
        (["--live", "--dry-run"], "--dry-run: expected a limit"),
        (["--scenario", "demmo"], r"found `demmo` \(did you mean `demo`\?\)"),
        (["--scenario", "none.yaml"], r"none\.yaml: expected a file, found none of this name"),
        (["reprot"], "No such command 'reprot'"),
    ],
)
def test_invalid_options_are_usage_errors(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run("generate", *arguments)
    said = result.output if result.exception is None or isinstance(result.exception, SystemExit) else ""
    assert re.search(message, said or str(result.exception))
    assert (result.exit_code == 2) if said else isinstance(result.exception, UsageError)
    assert list(tmp_path.iterdir()) == []


def test_without_pyspark_the_engine_spark_says_what_to_install_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)  # as if it were not installed, whether it is or not
    result = run("generate", "--engine", "spark", "--out", str(tmp_path / "out"))
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).splitlines() == [
        "the engine `spark` needs the package pyspark",
        "  what to do: pip install 'shoplake[spark]'; "
        'with ./shoplake: SHOPLAKE_EXTRAS="report spark" ./shoplake generate …',
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_command_of_its_own_is_one_line_and_the_rest_still_works(monkeypatch):
    monkeypatch.setattr(generate, "registered_commands", [*generate.registered_commands])
    generate.command("hello")(lambda: print("hello"))
    assert CliRunner().invoke(generate, ["hello"]).output == "hello\n"
    assert "total" in CliRunner().invoke(generate, ["--events", "100", "--dry-run"]).output


def test_a_new_scenario_is_valid_complete_and_knows_its_schema(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("scenario", "new", "my-shop").exit_code == 0
    text = (tmp_path / "my-shop.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=scenario.schema.json\n")
    assert json.loads((tmp_path / "scenario.schema.json").read_text()) == json.loads(json.dumps(json_schema()))
    made, demo = shopsim.load_scenario("my-shop.yaml").to_dict(), shopsim.load_scenario("demo").to_dict()
    assert made | {"name": "demo", "description": demo["description"]} == demo
    assert all(f"\n{section}:" in text for section in demo)
    checked = run("scenario", "check", "my-shop.yaml")
    assert (checked.exit_code, checked.stdout[:9]) == (0, "my-shop: ")


def test_a_new_scenario_overwrites_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("precious")
    result = run("scenario", "new", "mine")
    assert isinstance(result.exception, UsageError)
    assert "mine.yaml already exists" in str(result.exception)
    assert (tmp_path / "mine.yaml").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["My Shop"], "name: expected a lower-case letter"),
        (["mine", "--from", "demmo"], "did you mean `demo`"),
        (["mine", "--out", "no/mine.yaml"], "cannot write"),
    ],
)
def test_an_invalid_new_scenario_is_refused(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in str(run("scenario", "new", *arguments).exception)
    assert list(tmp_path.iterdir()) == []


def test_check_lists_every_mistake_with_its_line_and_fails_as_wrong_usage(small):
    path = Path(small)
    path.write_text(path.read_text().replace("  cart: 0.36", "  cart: 36").replace("attempts: 3", "attempt: 3"))
    result = run("scenario", "check", small)
    assert isinstance(result.exception, InvalidScenario)
    first, *lines, what_to_do = str(result.exception).splitlines()
    assert first == f"scenario '{small}' has 3 mistakes:"
    assert re.match(rf"  - {small}:\d+:9: funnel.cart: expected a number from 0 to 1, found 36", lines[0])
    assert "did you mean `attempts`?" in lines[1]
    assert lines[2].endswith("payments.attempts: expected a value, found nothing")
    assert what_to_do.startswith("  what to do: ")


def test_the_shipped_scenarios_are_listed_and_shown_as_they_are():
    listed = run("scenario", "list").stdout
    for name in shopsim.scenarios():
        assert name in listed
        assert run("scenario", "show", name).stdout == (SCENARIOS / f"{name}.yaml").read_text()


def test_an_unknown_scenario_is_not_shown():
    assert isinstance(run("scenario", "show", "demmo").exception, UsageError)


@pytest.fixture(scope="module")
def windows() -> list[shopsim.EncodedWindow]:
    return list(shopsim.stream(shopsim.load_scenario("demo"), 7, limit=40_000))


def test_the_meter_shows_progress_rate_and_time_left(windows):
    meter = Meter(Run(shopsim.load_scenario("demo"), 7, 80_000))
    meter.add(100.0, 10_000, None)  # an earlier run did these
    meter.add(104.0, 40_000, windows[-1])
    reached = re.escape(f"{meter.reached_ms // 1000 % 60:02}")
    assert re.fullmatch(
        rf"40,000 of 80,000 events, up to 2026-09-\d\d \d\d:\d\d:{reached}, 7,500/s, 0:00:05 left", f"{meter}"
    )


def test_the_meter_of_an_endless_run_shows_no_time_left(windows):
    meter = Meter(Run(shopsim.load_scenario("demo"), 7, None))
    for second, window in enumerate(windows):
        meter.add(float(second), second * 10, window)
    assert meter.share is None
    assert "left" not in str(meter)


def test_the_rate_is_a_recent_one(windows):
    meter = Meter(Run(shopsim.load_scenario("demo"), 7, 10**9))
    for second in range(60):
        meter.add(float(second), second * (10 if second < 30 else 1000), windows[0])
    assert meter.per_s == pytest.approx(1000, rel=0.05)


def test_a_sample_shows_some_events_with_their_faults(windows):
    lines: list[str] = []
    sampler = Sampler(lambda line: lines.append(line.plain))
    for now_s in (0.0, 0.1, 0.2, 0.6):
        sampler(now_s, windows[0])
    assert 8 <= len(lines) <= 12
    assert all(
        re.match(r"\d\d-\d\d \d\d:\d\d:\d\d (customers|products|orders|inventory|clicks|reviews) \{", x) for x in lines
    )
    assert max(map(len, lines)) <= 160
    broken = windows[0].rows.head(1).with_columns(fault=pl.lit("malformed"), value=pl.lit(b'{"a\xff'))
    sampler(2.0, shopsim.EncodedWindow(0, 0, broken, shopsim.Position(1, 0)))
    assert lines[-1].endswith('malformed {"a\\xff')


def test_no_rate_is_shown_for_an_instant() -> None:
    meter = Meter(Run(shopsim.load_scenario("demo"), 7, 80_000))
    meter.add(100.0, 0, None)
    meter.add(100.0 + 1e-9, 40_000, None)
    assert (meter.per_s, meter.left_s) == (0.0, None)
    assert str(meter) == "40,000 of 80,000 events"
