"""A program that applies the local environment, for tests to kill: what to give Terraform comes as JSON on stdin."""

from __future__ import annotations

import json
import sys

from shoplake.infra import runner

if __name__ == "__main__":
    given = json.load(sys.stdin)
    runner.apply("local", variables=given["variables"], environment=given["environment"])
