"""`shoplake test`: runs the tests of this checkout."""

from __future__ import annotations

from collections.abc import Sequence

import typer

FAULTS = "tests/faults"


def command(context: typer.Context) -> None:
    """Run the tests; what follows is given to pytest.

    `faults` runs the tests that kill, freeze and cut (--tier small|large, --seed N, --only ROW); `--release` runs all
    tests, those at the large tier.

    Example: shoplake test faults --tier small --seed 3 --only 6
    """
    import subprocess
    import sys

    from shoplake import environ, invocation
    from shoplake.paths import project_root

    root = project_root()
    if not (root / "tests").is_dir():
        from shoplake.errors import UsageError

        raise UsageError(f"{root} has no tests/", fix="run it in a checkout of the project")
    command = [sys.executable, "-m", "pytest", *arguments(context.args)]
    environment = environ.caller()
    environment.pop(invocation.LAUNCHED_AS, None)
    raise typer.Exit(subprocess.run(command, cwd=root, env=environment, check=False).returncode)


def arguments(given: Sequence[str]) -> list[str]:
    """What pytest is given."""
    if given and given[0] == "faults":
        given = [FAULTS, *given[1:]]
    return [part for word in given for part in (["--tier", "large"] if word == "--release" else [word])]
