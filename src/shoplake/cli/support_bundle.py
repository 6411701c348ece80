"""`shoplake support-bundle`: a file for a bug report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    out: Annotated[
        Path | None, typer.Option(help="ZIP archive to write. `shoplake-support-TIME.zip` in this folder if empty.")
    ] = None,
    environment: Annotated[str, typer.Option(help="Environment to use.")] = "local",
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Write a file for a bug report: versions, settings, state, lag, runs and logs. Passwords and keys are hidden.

    A part that cannot be read is left out, so it works when servers are down.

    Example: shoplake support-bundle --out report.zip
    """
    import json as jsonlib
    import time

    from shoplake import support_bundle
    from shoplake.cli.version import describe
    from shoplake.terminal import counted

    file = out or Path(f"shoplake-support-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.zip")
    names = support_bundle.write(file, environment, describe())
    if json:
        print(jsonlib.dumps({"file": str(file), "parts": names}))
        return
    print(f"{file} has {counted(len(names), 'part')}: {', '.join(names)}")
    print("Passwords and keys are hidden in it. Look at it before you send it: logs may name customers of your shop.")
