"""The bench end to end, on the stack that it makes itself: every row has figures; what they are, no test says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shoplake.stack import process
from tests.own_stack import without_aws

pytestmark = pytest.mark.stack

EVENTS = 20_000  # the fewest that `bench` takes
STAGES = ("publish", "redis", "verify")
MORE_STAGES = ("encode", "publish", "read", "redis", "whole", "verify")
TIMEOUT_S = 550


@pytest.fixture(scope="module", params=[STAGES, pytest.param(MORE_STAGES, marks=pytest.mark.large)], ids=len)
def stages(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return tuple(request.param)


@pytest.fixture(scope="module")
def found(stages: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one run says, in an environment that points at a store of somebody else's."""
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "shoplake.cli.main", "bench", "--json", "--runs", "1", "--events", str(EVENTS)]
    done = subprocess.run(
        [*command, "--only", ",".join(stages)],
        env=without_aws(os.environ) | {"TMPDIR": str(folder), "SHOPLAKE_POSTGRES__HOST": "nobody.invalid"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert list(Path(folder).iterdir()) == [], "the stack's folder is still there"
    document: dict[str, Any] = json.loads(done.stdout)
    return document | {"stderr": done.stderr}


def test_each_stage_that_was_asked_for_has_a_row(found: dict[str, Any], stages: tuple[str, ...]) -> None:
    assert [stage["stage"] for stage in found["stages"]] == list(stages)


def test_each_row_has_events_rates_and_a_ratio_to_its_limit(found: dict[str, Any]) -> None:
    for stage in found["stages"]:
        name = stage["stage"]
        assert stage["events"] > 0, name
        assert stage["events_per_s"]["median"] > 0, name
        assert stage["peak_rss_bytes"] > 0, name
        assert len(stage["runs"]) == 1, name
        if name != "whole":  # its limit is the sum of parts, of which some were not measured
            assert stage["ratio"]["median"] > 0, name
            assert stage["limit"], name


def test_a_sink_counts_the_events_of_the_topics_that_it_reads(found: dict[str, Any]) -> None:
    events = {stage["stage"]: stage["events"] for stage in found["stages"]}
    assert {events[name] for name in events.keys() & {"publish", "read", "whole", "verify"}} == {EVENTS}
    assert 0 < events["redis"] < EVENTS


def test_a_stage_that_verifies_found_nothing_lost_or_repeated(found: dict[str, Any]) -> None:
    for stage in found["stages"]:
        if stage["stage"] in ("whole", "verify"):
            figures = {name: stage["figures"][name]["max"] for name in ("lost", "duplicated", "differing")}
            assert figures == {"lost": 0, "duplicated": 0, "differing": 0}


def test_the_servers_work_is_counted(found: dict[str, Any]) -> None:
    (publish,) = [stage for stage in found["stages"] if stage["stage"] == "publish"]
    assert publish["runs"][0]["ours"]["servers_cpu_s"] > 0


def test_the_report_names_the_machine(found: dict[str, Any]) -> None:
    assert found["version"].startswith("shoplake ")
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["memory_bytes"] > 0
    assert {"polars", "aiokafka"} <= found["machine"]["libraries"].keys()


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.large)])
def test_a_stopped_bench_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    command = [
        sys.executable,
        "-m",
        "shoplake.cli.main",
        "bench",
        "--only",
        "read",
        "--runs",
        "1",
        "--events",
        str(EVENTS),
    ]
    environment = without_aws(os.environ) | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True) as bench:
        assert bench.stderr is not None
        said = []
        for line in bench.stderr:
            said.append(line)
            if "applying" in line:  # the stack is there
                (folder,) = tmp_path.iterdir()
                assert list(process.strays(folder / "home"))
                bench.send_signal(number)
    assert bench.returncode == 130, "".join(said)
    assert list(process.strays(folder / "home")) == []
    assert list(tmp_path.iterdir()) == []


def test_progress_goes_to_stderr(found: dict[str, Any]) -> None:
    assert "redis: run 1 of 1" in found["stderr"]


def test_a_profile_is_a_flame_graph_of_the_stage(tmp_path: Path) -> None:
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if os.geteuid() and scope.exists() and scope.read_text().strip() != "0":
        pytest.skip("only root may look at other processes here")
    command = [sys.executable, "-m", "shoplake.cli.main", "bench", "--only", "columns", "--runs", "1"]
    subprocess.run(
        [*command, "--events", "300000", "--profile", str(tmp_path)],
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        timeout=TIMEOUT_S,
    )
    drawn = (tmp_path / "columns.svg").read_text()
    assert "<svg" in drawn
    assert "shopsim/engine/simulate.py" in drawn
