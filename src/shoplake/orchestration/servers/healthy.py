"""Exits 0 if the web server of workflows answers: the health check of a container, `… healthy PORT`."""

from __future__ import annotations

import sys

from shoplake.orchestration.servers.processes import serves

if __name__ == "__main__":
    sys.exit(0 if serves(int(sys.argv[1])) else 1)
