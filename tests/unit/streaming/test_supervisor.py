"""One process per worker, followed, started again and stopped: the workers here are scripts of a few lines."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from shoplake.errors import Interrupted
from shoplake.streaming import supervisor
from shoplake.streaming.supervisor import WorkersFailed, WorkerView, stream

# The last argument is the worker's name, as `python -m shoplake.streaming.worker` has it.
SCRIPT = """#!/bin/sh
for name; do :; done
cd {folder}
say() {{ echo "{{\\"type\\":\\"progress\\",\\"applied\\":$1,\\"lag\\":$2,\\"state\\":\\"$3\\"}}"; }}
case $name in
{cases}
*) say 0 0 "caught up" ;;
esac
"""


class Workers:
    """What each worker does, as lines of shell."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._script = folder / "worker"
        self._monkeypatch = monkeypatch
        self.folder = folder

    async def run(self, **cases: str) -> dict[str, WorkerView]:
        return {view.name: view for view in await self.views(1, **cases)}

    async def views(self, workers: int, **cases: str) -> Sequence[WorkerView]:
        lines = "\n".join(f"{name}) {body} ;;" for name, body in cases.items())
        self._script.write_text(SCRIPT.format(folder=self.folder, cases=lines))
        self._script.chmod(0o700)
        self._monkeypatch.setattr(sys, "executable", str(self._script))
        async with asyncio.timeout(10):
            return await stream(list(cases), workers=workers, until_caught_up=True)


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workers:
    return Workers(tmp_path, monkeypatch)


async def test_each_worker_is_monitored_until_it_exits(workers: Workers) -> None:
    views = await workers.run(lake='say 3 9 streaming; say 12 0 "caught up"', redis='say 5 0 "caught up"')
    assert {name: (view.progress.applied, view.progress.state) for name, view in views.items()} == {
        "lake": (12, "caught up"),
        "redis": (5, "caught up"),
        "dead-letters": (0, "caught up"),
    }
    assert {view.pid for view in views.values()} == {None}


async def test_a_sink_can_have_several_workers_and_dead_letters_have_one(workers: Workers) -> None:
    said = 'echo >> starts; say 3 0 "caught up"'
    views = await workers.views(2, redis=said, lake=said)
    assert [str(view) for view in views] == ["redis", "redis 2", "lake", "lake 2", "dead-letters"]
    assert len((workers.folder / "starts").read_text()) == 4


async def test_a_failure_names_the_worker(workers: Workers) -> None:
    with pytest.raises(WorkersFailed, match=r"redis( 2)?: ended with exit code 3"):
        await workers.views(2, redis="mkdir first 2>/dev/null && exit 3; say 3 0 done")


async def test_a_killed_worker_is_restarted_and_its_counts_add_up(
    workers: Workers, capsys: pytest.CaptureFixture[str]
) -> None:
    views = await workers.run(lake='say 4 6 streaming; [ -e once ] || { touch once; kill -9 $$; }; say 6 0 "caught up"')
    assert views["lake"].restarts == 1
    assert views["lake"].progress.applied == 10
    assert capsys.readouterr().err == "lake worker died (signal 9), restarting: 1 of at most 5\n"


async def test_a_worker_that_is_killed_repeatedly_is_not_restarted(
    workers: Workers, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(WorkersFailed, match="lake: was killed 6 times; last by signal 9"):
        await workers.run(lake="echo >> starts; kill -9 $$")
    assert len((workers.folder / "starts").read_text()) == supervisor.RESTARTS + 1
    assert capsys.readouterr().err.count("restarting") == supervisor.RESTARTS


async def test_a_failed_worker_reports_the_reason_and_the_others_finish(workers: Workers) -> None:
    failure = '{"type":"failure","error":"the log was cut"}'
    with pytest.raises(WorkersFailed, match=r"^lake: the log was cut$"):
        await workers.run(lake=f"echo '{failure}'; exit 1", redis='sleep 0.1; say 5 0 "caught up"; touch finished')
    assert (workers.folder / "finished").exists()


async def test_a_worker_that_exits_without_a_report_is_a_failure(workers: Workers) -> None:
    with pytest.raises(WorkersFailed, match=r"^mongo: ended with exit code 3$"):
        await workers.run(mongo="exit 3")


async def test_a_signal_stops_all_workers_and_restarts_none(workers: Workers) -> None:
    body = "trap 'echo >> ended; exit 0' TERM; echo >> starts; while :; do sleep 0.02; done"
    running = asyncio.ensure_future(workers.run(lake=body, redis=body))
    async with asyncio.timeout(5):
        while not (started := workers.folder / "starts").exists() or len(started.read_text()) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Interrupted):
        await running
    assert (workers.folder / "ended").read_text() == "\n\n"
    assert started.read_text() == "\n\n"


async def test_a_worker_that_exits_during_the_signal_has_not_failed(
    workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    waitpid, ended, go_on = os.waitpid, threading.Event(), threading.Event()

    def late(pid: int, options: int) -> tuple[int, int]:
        """The loop's own wait, held between the end of the process and the taking of its exit code."""
        if options == 0:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            ended.set()
            go_on.wait(5)
        return waitpid(pid, options)

    monkeypatch.setattr(os, "waitpid", late)
    running = asyncio.ensure_future(workers.run(redis="trap 'exit 0' TERM; while :; do sleep 0.02; done"))
    assert await asyncio.to_thread(ended.wait, 5)  # the dead letters' worker, which ends by itself
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.1)
    go_on.set()
    with pytest.raises(Interrupted):
        await running
