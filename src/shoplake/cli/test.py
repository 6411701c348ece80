"""`shoplake test`: runs the tests of this checkout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import typer

INTERRUPTED = 2  # pytest's exit code


def command(context: typer.Context) -> None:
    """Run the quick set of tests, in under ten minutes on two cores. With arguments, run what they name.

    The quick set: unit tests, the simulator, each sink on the embedded stack, verify, and one kill of each sink. The
    last line names what it leaves out. `--all` runs every test. A group runs by its name: `unit`, `simulator`,
    `integration`, `faults` (--tier small|large, --seed N, --only ROW), `terraform`, `containers`, `package`.
    `--release` runs all tests at the large tier. Other arguments go to pytest.

    Example: shoplake test faults --tier small --seed 3 --only 6
    """
    from shoplake.cli import grouped_tests
    from shoplake.paths import project_root

    root = project_root()
    if not (root / "tests").is_dir():
        from shoplake.errors import UsageError

        raise UsageError(f"{root} has no tests/", fix="run it in a checkout of the project")
    if context.args:
        raise typer.Exit(_pytest(root, grouped_tests.arguments(context.args)))
    raise typer.Exit(quick_set(lambda arguments: _pytest(root, arguments)))


def quick_set(run: Callable[[Sequence[str]], int]) -> int:
    """Run every step, also after one that failed, and sum up; returns the exit code.

    Args:
        run: runs pytest with arguments and returns its exit code.
    """
    import shlex
    import time

    from shoplake.cli import grouped_tests

    began, failed = time.monotonic(), []
    steps = grouped_tests.QUICK
    for number, step in enumerate(steps, 1):
        typer.secho(f"==> {number} of {len(steps)}: {step.title}", bold=True)
        code = run(step.command())
        if code == INTERRUPTED:
            return code
        if code:
            failed.append(f"FAILED: {step.title}; again: ./shoplake test {shlex.join(step.command())}")
    passed = len(steps) - len(failed)
    for line in failed:
        typer.echo(line)
    typer.echo(f"{passed} of {len(steps)} steps passed in {time.monotonic() - began:.0f} s.")
    typer.echo(grouped_tests.left_out())
    return 1 if failed else 0


def _pytest(root: Path, arguments: Sequence[str]) -> int:
    """Run pytest; returns its exit code.

    Ctrl-C reaches pytest itself. This process waits until pytest has removed the servers that its tests started.
    """
    import signal
    import subprocess
    import sys

    from shoplake import environ, invocation

    environment = environ.caller()
    environment.pop(invocation.LAUNCHED_AS, None)
    with subprocess.Popen([sys.executable, "-m", "pytest", *arguments], cwd=root, env=environment) as running:
        before = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            return running.wait()
        finally:
            signal.signal(signal.SIGINT, before)
