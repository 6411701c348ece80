"""The run log has a start and an end of each run, however it ends."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

import pytest

from shoplake import run_log
from shoplake.errors import Interrupted, StoreUnavailable


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path))
    return tmp_path


def ends() -> dict[str, run_log.RunRecord]:
    found = run_log.records()
    starts = [record for record in found if record.state == "START"]
    assert len(starts) * 2 == len(found)
    assert {record.run for record in starts} == {record.run for record in found if record.state != "START"}
    return {record.job: record for record in found if record.state != "START"}


def test_runs_that_end_well_have_their_results() -> None:
    with run_log.recording("sink-redis", "sink-lake", environment="local") as results:
        results["sink-lake"].counts = {"events": 12}
        results["sink-lake"].positions = '{"orders": {"0": 7}}'
    found = ends()
    assert found["sink-lake"].state == found["sink-redis"].state == "COMPLETE"
    assert (found["sink-lake"].counts, found["sink-lake"].positions) == ({"events": 12}, '{"orders": {"0": 7}}')
    assert found["sink-redis"].counts == {}
    assert found["sink-lake"].run != found["sink-redis"].run
    assert found["sink-lake"].pid == os.getpid()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), asyncio.CancelledError(), Interrupted("stopped")])
def test_a_run_that_is_stopped_is_aborted(error: BaseException) -> None:
    with pytest.raises(type(error)), run_log.recording("generate", environment="local"):
        raise error
    assert ends()["generate"].state == "ABORT"
    assert ends()["generate"].error == ""


@pytest.mark.parametrize(
    ("error", "text"),
    [(StoreUnavailable("mongo is away\nmore", fix="start it"), "mongo is away"), (ValueError(), "ValueError")],
)
def test_a_run_that_fails_has_the_first_line_of_its_error(error: Exception, text: str) -> None:
    with pytest.raises(type(error)), run_log.recording("generate", environment="local"):
        raise error
    assert (ends()["generate"].state, ends()["generate"].error) == ("FAIL", text)


def test_of_several_runs_only_the_failed_one_fails() -> None:
    def run() -> None:
        with run_log.recording("sink-redis", "sink-lake", environment="local") as results:
            results["sink-lake"].error = "no space\nleft"
            raise StoreUnavailable("lake: no space", fix="free some")

    with pytest.raises(StoreUnavailable):
        run()
    assert (ends()["sink-lake"].state, ends()["sink-lake"].error) == ("FAIL", "no space")
    assert (ends()["sink-redis"].state, ends()["sink-redis"].error) == ("COMPLETE", "")


def test_a_line_that_a_crash_cut_off_is_left_out() -> None:
    with run_log.recording("generate", environment="local"):
        pass
    log = run_log.file()
    log.write_bytes(log.read_bytes()[:-20])
    assert [record.state for record in run_log.records()] == ["START"]


def test_the_log_is_bounded_and_only_its_owner_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log, "KEEP_BYTES", 2_000)
    for _ in range(40):
        with run_log.recording("generate", environment="local"):
            pass
    log = run_log.file()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert sum(path.stat().st_size for path in log.parent.glob("runs.jsonl*")) < 5_000
    newest = run_log.records()[-1]
    assert newest.state == "COMPLETE"


def test_a_home_that_cannot_be_written_does_not_stop_the_job(home: Path) -> None:
    (home / "logs").write_text("a file in the way")
    with run_log.recording("generate", environment="local") as results:
        results["generate"].counts = {"events": 1}
    assert run_log.records(home / "logs" / "runs.jsonl") == []


def test_the_newest_record_of_some_jobs_is_found_in_both_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path))
    for job, environment in (("warehouse", "local"), ("verify", "local"), ("warehouse", "dev"), ("generate", "local")):
        with run_log.recording(job, environment=environment):
            pass
        if job == "verify":
            run_log.file().replace(run_log.file().with_name("runs.jsonl.1"))
    records = run_log.records()

    def last(job: str, environment: str) -> run_log.RunRecord:
        return next(one for one in reversed(records) if (one.job, one.environment) == (job, environment))

    assert run_log.newest(("warehouse",), "local") == last("warehouse", "local")
    assert run_log.newest(("warehouse", "verify"), "local") == last("verify", "local")
    assert run_log.newest(("warehouse",), "dev") == last("warehouse", "dev")
    assert run_log.newest(("warehouse",), "prod") is None
    with run_log.recording("warehouse", environment="dev"):
        started = run_log.newest(("warehouse",), "dev")
        assert started is not None
        assert started.state == "START"
        assert run_log.newest(("warehouse",), "dev", ended=True) == last("warehouse", "dev")
