"""The process that does one thing after the other: what it answers, and how it ends."""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from shoplake.errors import ShoplakeError, StackError
from shoplake.verify.subprocess_worker import SubprocessWorker

HERE = str(Path(__file__).parent)
WAIT_S = 20


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`subprocess_jobs`, under a name that the other process knows as well."""
    monkeypatch.syspath_prepend(HERE)
    return importlib.import_module("subprocess_jobs")


async def test_a_job_tells_its_numbers_and_returns(jobs: ModuleType) -> None:
    told: list[int] = []
    with SubprocessWorker() as apart:
        assert await apart.run(partial(jobs.counted, 3), told.append) == 3
        assert await apart.run(jobs.pid, told.append) != os.getpid()
    assert told == [0, 1, 2]


async def test_jobs_that_are_asked_for_at_once_are_done_in_turn(jobs: ModuleType) -> None:
    told: list[int] = []
    with SubprocessWorker() as apart:
        await asyncio.gather(*(apart.run(partial(jobs.counted, 100), told.append) for _ in range(3)))
    assert told == [*range(100)] * 3


async def test_what_a_job_raises_is_raised_here(jobs: ModuleType) -> None:
    with SubprocessWorker() as apart:
        with pytest.raises(StackError, match="Kafka is away") as caught:
            await apart.run(jobs.refused, print)
        assert caught.value.fix == "start it"
        assert await apart.run(partial(jobs.counted, 1), print) == 1


async def test_a_process_that_dies_is_a_clear_error(jobs: ModuleType) -> None:
    with SubprocessWorker() as apart:
        with pytest.raises(ShoplakeError, match="died with exit code -9"):
            await apart.run(jobs.killed, print)
        with pytest.raises(ShoplakeError, match="died with exit code -9"):
            await apart.run(jobs.pid, print)


async def test_ctrl_c_is_for_the_parent_to_decide_from_the_start(jobs: ModuleType) -> None:
    with SubprocessWorker() as apart:
        (number,) = [process.pid for process in multiprocessing.active_children() if process.pid]
        os.kill(number, signal.SIGINT)
        assert await apart.run(partial(jobs.counted, 1), print) == 1


async def test_it_is_gone_at_the_end_although_it_works(jobs: ModuleType) -> None:
    with SubprocessWorker() as apart:
        number = await apart.run(jobs.pid, print)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(apart.run(partial(jobs.counted, 10**12), lambda _: None), 0.2)
    assert not is_there(number)


def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(
        "import subprocess_jobs, asyncio, time\n"
        "from shoplake.verify.subprocess_worker import SubprocessWorker\n"
        "if __name__ == '__main__':\n"
        "    with SubprocessWorker() as apart:\n"
        "        print(asyncio.run(apart.run(subprocess_jobs.pid, print)), flush=True)\n"
        "        time.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": HERE}
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        number = int(parent.stdout.readline())
        assert is_there(number)
        parent.kill()
    deadline = time.monotonic() + WAIT_S
    while is_there(number):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_there(number: int) -> bool:
    """Whether a process runs; one that has ended and waits for somebody to hear of it does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except OSError:
        return False
