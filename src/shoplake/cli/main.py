"""The `shoplake` command: registers one file per command and turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys

import typer

from shoplake.errors import ShoplakeError

app = typer.Typer(no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, rich_markup_mode="rich")


def main() -> None:
    """Run the CLI: exit 0 well, 1 failed, 2 wrong usage, 130 interrupted."""
    debug = "--debug" in sys.argv or bool(os.environ.get("SHOPLAKE_DEBUG"))
    try:
        app()
    except ShoplakeError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
