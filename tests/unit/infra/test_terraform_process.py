"""Running a command: its lines, its time, its end, and ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from shoplake.errors import InfraError
from shoplake.infra import terraform_process

# Stands for Terraform: says where it is, and on SIGINT saves its state and leaves.
GENTLE = """#!/bin/sh
trap 'echo saved > state; echo "stopping"; exit 1' INT
echo $$ > pid
echo "started"
while true; do sleep 0.05; done
"""


def command(folder: Path, text: str, timeout_s: float = 20) -> terraform_process.Command:
    program = folder / "terraform"
    program.write_text(text)
    program.chmod(0o755)
    return terraform_process.Command(
        argv=[str(program), "apply"], cwd=folder, environment=os.environ, log=folder / "log", timeout_s=timeout_s
    )


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z" if Path(f"/proc/{pid}").exists() else True


def until(condition: object, timeout_s: float = 10) -> bool:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.02)
    return False


def test_every_line_is_fed_and_the_exit_code_returned(tmp_path: Path) -> None:
    lines: list[str] = []
    code = terraform_process.run(
        command(tmp_path, "#!/bin/sh\nprintf 'one\\ntw'; sleep 0.2; printf 'o\\n'; exit 2\n"), lines.append
    )

    assert (code, lines) == (2, ["one", "two"])
    assert (tmp_path / "log").read_text() == "one\ntwo\n"
    assert (tmp_path / "log").stat().st_mode & 0o077 == 0


def test_what_takes_too_long_is_stopped_gently(tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(InfraError, match="did not finish within"):
        terraform_process.run(command(tmp_path, GENTLE, timeout_s=0.5), lines.append)

    assert (tmp_path / "state").read_text() == "saved\n"
    assert lines == ["started", "stopping"]


def test_cancel_stops_gently(tmp_path: Path) -> None:
    cancel = threading.Event()
    with pytest.raises(InfraError, match="stopped before its end"):
        terraform_process.run(command(tmp_path, GENTLE), lambda _: cancel.set(), cancel)

    assert (tmp_path / "state").exists()


def test_what_will_not_stop_is_killed_with_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terraform_process, "STOP_TIMEOUT_S", 0.2)
    monkeypatch.setattr(terraform_process, "KILL_TIMEOUT_S", 0.2)
    stubborn = "#!/bin/sh\ntrap '' INT\nsleep 60 & echo $! > child\necho $$ > pid\nwait\nsleep 60\n"
    with pytest.raises(InfraError):
        terraform_process.run(command(tmp_path, stubborn, timeout_s=0.5), lambda _: None)

    pids = [int((tmp_path / name).read_text()) for name in ("pid", "child")]
    assert until(lambda: all(gone(pid) for pid in pids))


def runner_process(folder: Path) -> subprocess.Popen[bytes]:
    command(folder, GENTLE)
    text = f"""
        import os, signal
        from pathlib import Path
        from shoplake.infra import terraform_process
        signal.signal(signal.SIGINT, signal.default_int_handler)
        folder = Path({str(folder)!r})
        argv = [str(folder / "terraform"), "apply"]
        terraform_process.run(terraform_process.Command(argv, folder, os.environ, folder / "log", 60), print)
    """
    started = subprocess.Popen([sys.executable, "-c", textwrap.dedent(text)], stderr=subprocess.DEVNULL)
    assert until(lambda: "started" in (folder / "log").read_text() if (folder / "log").exists() else False)
    return started


def test_ctrl_c_is_passed_on_and_waits_for_the_state(tmp_path: Path) -> None:
    started = runner_process(tmp_path)
    started.send_signal(signal.SIGINT)

    assert started.wait(10) != 0
    assert (tmp_path / "state").read_text() == "saved\n"
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_killed_runner_leaves_a_terraform_that_saves_its_state_and_ends(tmp_path: Path) -> None:
    started = runner_process(tmp_path)
    started.kill()
    started.wait(10)

    assert until(lambda: (tmp_path / "state").exists())
    assert until(lambda: gone(int((tmp_path / "pid").read_text())))
