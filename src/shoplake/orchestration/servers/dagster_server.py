"""Starts a server of Dagster, `… dagster_server api|daemon ARGUMENTS`, whose logins to Postgres are renewed.

Runs import this module, too: the code server starts each with the method `spawn`, which imports the main module.
"""

from __future__ import annotations

import os
import sys

from shoplake.orchestration import logins
from shoplake.orchestration.instance import URL_VARIABLE

logins.renew(os.environ.get(URL_VARIABLE, ""))


def main() -> None:
    """Run the server."""
    if sys.argv[1] == "daemon":
        from dagster._daemon.cli import main as daemon

        del sys.argv[1]
        daemon()
    else:
        from dagster._cli import main as dagster

        dagster()


if __name__ == "__main__":
    main()
