"""Messages of libraries go into a file of the home; a command's own lines stand alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import asyncio, logging, warnings
from shoplake import library_logs
library_logs.to_file("lake")
logging.getLogger("aiokafka").error("Group Coordinator Request failed")
logging.getLogger("aiokafka").info("nobody has to know")
warnings.warn("old")
async def main():
    asyncio.get_running_loop().create_future().set_exception(OSError("away"))
asyncio.run(main())
"""


def stderr_of(home: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | {"SHOPLAKE_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr


def test_library_logs_go_to_a_private_file(tmp_path: Path) -> None:
    assert stderr_of(tmp_path) == ""
    log = tmp_path / "logs" / "libraries.log"
    assert log.stat().st_mode & 0o777 == 0o600
    text = log.read_text()
    assert " aiokafka ERROR Group Coordinator Request failed" in text
    assert "Future exception was never retrieved" in text
    assert "old" in text
    assert "nobody" not in text


def test_library_logs_are_dropped_if_the_disk_is_full(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "libraries.log").symlink_to("/dev/full")
    assert stderr_of(tmp_path) == ""


def test_library_logs_go_to_stderr_without_a_home_or_for_debugging(tmp_path: Path) -> None:
    assert "Group Coordinator" in stderr_of(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    assert "Group Coordinator" in stderr_of(tmp_path, SHOPLAKE_DEBUG="1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "module", ["shoplake.cli.main", "shoplake.streaming.worker", "shoplake.verify.subprocess_worker"]
)
def test_each_process_with_clients_configures_library_logs(module: str) -> None:
    __import__(module)
    assert "library_logs.to_file(" in Path(str(sys.modules[module].__file__)).read_text()
