"""A short workflow of the tests, whose steps write their names to a file, and commands in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

TIMEOUT_S = 300
CODE = """
    import time
    from pathlib import Path

    from shoplake.orchestration.workflow import step


    @step()
    def first(context):
        with Path(context.parameters["log"]).open("a") as log:
            log.write("first\\n")
        return {"n": 1}


    @step(after=first)
    def second(context):
        log = Path(context.parameters["log"])
        with log.open("a") as lines:
            lines.write("second\\n")
        if context.parameters["mode"] == "sleep":
            time.sleep(600)
        while context.parameters["mode"] == "wait" and not log.with_suffix(".go").exists():
            time.sleep(0.1)
        if context.parameters["mode"] == "fail":
            raise ValueError("the source is away")
        return {"n": context.results["first"]["n"] + 1}
"""
CONFIG = """
    description: For a test.
    owner: test
    retries: {attempts: 1, delay: 1s}
    parameters:
      log: {type: text, description: File that the steps write their names to.}
      mode: {type: text, default: good, description: What the second step does.}
"""


def shoplake(*arguments: str) -> Any:
    """Run a command in a new process; returns what it prints, which is JSON."""
    code, out, err = command(*arguments)
    assert code == 0, err
    return json.loads(out)


def command(*arguments: str) -> tuple[int, str, str]:
    """Run a command in a new process; returns its exit code, and what it prints to stdout and to stderr."""
    process = start(*arguments)
    out, err = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, out, err


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a command."""
    return subprocess.Popen(
        [sys.executable, "-I", "-m", "shoplake.cli.main", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def write(folder: Path, name: str, config: str, code: str) -> Path:
    """Write a workflow below a folder; returns its folder."""
    own = folder / name
    own.mkdir(parents=True)
    (own / "config.yaml").write_text(dedent(config).lstrip())
    (own / "workflow.py").write_text(dedent(code).lstrip())
    return own


class Probe:
    """The workflow `probe`, run by commands that find it through `SHOPLAKE_WORKFLOWS`."""

    def __init__(self, workflows: Path) -> None:
        self.log = workflows.parent / "log"
        if not (workflows / "probe").exists():
            write(workflows, "probe", CONFIG, CODE)
        assert os.environ["SHOPLAKE_WORKFLOWS"] == str(workflows)

    def clear(self) -> None:
        """Forget the steps of earlier runs."""
        self.log.write_text("")
        self.log.with_suffix(".go").unlink(missing_ok=True)

    def go(self) -> None:
        """Let the second step of runs in mode `wait` end."""
        self.log.with_suffix(".go").touch()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        self.clear()
        given = () if "--resume" in arguments else ("--config", f"log={self.log}")
        return start("workflow", "run", "probe", "--json", *arguments, *given)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, out, err

    def steps(self) -> list[str]:
        return self.log.read_text().split()

    def wait_for(self, step: str, process: subprocess.Popen[str] | None = None) -> None:
        """Wait until a step has begun."""
        deadline = time.monotonic() + TIMEOUT_S
        while step not in self.steps():
            assert process is None or process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, f"{step} did not begin"
            time.sleep(0.05)
