"""`shoplake test`: runs the tests of this checkout."""

from __future__ import annotations

import typer


def command(context: typer.Context) -> None:
    """Run the tests; what follows is given to pytest.

    Example: shoplake test tests/unit -x
    """
    import subprocess
    import sys

    from shoplake.paths import project_root

    root = project_root()
    if not (root / "tests").is_dir():
        from shoplake.errors import UsageError

        raise UsageError(f"{root} has no tests/", fix="run it in a checkout of the project")
    raise typer.Exit(subprocess.run([sys.executable, "-m", "pytest", *context.args], cwd=root, check=False).returncode)
