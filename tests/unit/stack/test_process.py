from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shoplake.stack import process
from shoplake.stack.process import Launch, Running

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)
PARENT = "import subprocess, sys, time; subprocess.Popen(['sleep', '60'], start_new_session=True); time.sleep(60)"

Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    spawned = []

    def start(*command: str, log: str = "log") -> Running:
        launch = Launch(command, None, tmp_path, {}, tmp_path)
        spawned.append(process.spawn(launch, pid_file=tmp_path / "pid", log_file=tmp_path / log))
        return until(lambda: process.find(tmp_path / "pid"))

    yield start
    for each in spawned:
        each.kill()
        each.wait(5)


def until(condition: Callable[[], Running | None], timeout_s: float = 5.0) -> Running:
    deadline = time.monotonic() + timeout_s
    while (found := condition()) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_a_server_is_found_by_its_pid_file(start: Start, tmp_path: Path) -> None:
    running = start("/bin/sleep", "60")
    assert running.alive
    assert os.getsid(running.pid) == running.pid  # a Ctrl-C in the terminal does not reach it


def test_a_recycled_pid_is_not_the_server(start: Start, tmp_path: Path) -> None:
    running = start("/bin/sleep", "60")
    (tmp_path / "pid").write_text(f"{running.pid} {running.started - 1}")
    assert process.find(tmp_path / "pid") is None


def test_a_recycled_pid_is_never_signalled(start: Start) -> None:
    running = start("/bin/sleep", "60")
    process.stop(Running(running.pid, running.started - 1), wait_s=0.1)
    assert running.alive


@pytest.mark.parametrize("content", ["", "12", "a b", "1 2 3"])
def test_a_broken_pid_file_means_that_nothing_runs(tmp_path: Path, content: str) -> None:
    (tmp_path / "pid").write_text(content)
    assert process.find(tmp_path / "pid") is None


def test_a_process_that_ignores_sigterm_is_killed_after_the_wait(start: Start, tmp_path: Path) -> None:
    running = start(sys.executable, "-c", STUBBORN)
    until(lambda: running if "deaf" in process.tail(tmp_path / "log") else None)
    process.stop(running, wait_s=0.2)
    assert not running.alive


def test_children_in_sessions_of_their_own_are_stopped_too(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "KILL_WAIT_S", 0.3)
    running = start(sys.executable, "-c", PARENT)
    child = until(lambda: next((each for each in process.strays(tmp_path) if each.pid != running.pid), None))
    process.stop(running, number=signal.SIGKILL, wait_s=1)
    assert not child.alive


def test_a_process_without_a_pid_file_is_found_by_its_marker(start: Start, tmp_path: Path) -> None:
    running = start("/bin/sleep", "60")
    (tmp_path / "pid").unlink()
    assert running in list(process.strays(tmp_path))
    assert list(process.strays(tmp_path / "other")) == []


def test_a_command_that_does_not_exist_says_so_in_the_log(tmp_path: Path) -> None:
    launch = Launch(["/nowhere/server"], None, tmp_path, {}, tmp_path)
    done = process.spawn(launch, pid_file=tmp_path / "pid", log_file=tmp_path / "log")
    assert done.wait(5) == 1
    assert "/nowhere/server could not be started" in process.tail(tmp_path / "log")


def test_a_large_log_is_rotated_at_the_next_start(start: Start, tmp_path: Path) -> None:
    with (tmp_path / "big.log").open("wb") as file:
        file.truncate(process.LOG_KEEP_BYTES + 1)
    start("/bin/sleep", "60", log="big.log")
    assert (tmp_path / "big.log").stat().st_size == 0
    assert (tmp_path / "big.log.1").exists()


def test_the_tail_is_the_last_lines(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("\n".join(map(str, range(100_000))))
    assert process.tail(tmp_path / "log", 2) == "99998\n99999"


def test_memory_of_an_exited_process_is_zero() -> None:
    assert process.resident_bytes(Running(2**22 + 1, 0)) == 0


def test_memory_of_a_process_is_read_from_the_kernel(start: Start) -> None:
    assert process.resident_bytes(start("/bin/sleep", "60")) > 100_000


def test_log_lines_about_failures_are_shown_first(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("\n".join(["ERROR one", "a", "", "panic: two", "b", "it failed: three", "c", "killed: four", "d"]))
    assert process.telling(log) == "panic: two\nit failed: three\nkilled: four"
    log.write_text("WARNING: this could have failed\nready\n\nserving\nlistening\n")
    assert process.telling(log) == "ready\nserving\nlistening"


def test_a_followed_log_shows_its_end_then_what_is_written_and_a_new_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\ntwo\nthree\n")
    following = process.follow(log, lines=2, pause_s=0.01)
    assert next(following) == "two\nthree\n"
    with log.open("a") as file:
        file.write("four\n")
    assert next(following) == "four\n"
    log.replace(tmp_path / "log.1")
    log.write_text("of the next start\n")
    assert next(following) == "of the next start\n"
    log.write_text("short\n")  # the same file, emptied
    assert next(following) == "short\n"
    following.close()  # type: ignore[attr-defined]  # it is a generator


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    following = process.follow(log, pause_s=0.01)
    timer = threading.Timer(0.1, log.write_text, ["begun\n"])
    timer.start()
    assert next(following) == "begun\n"
