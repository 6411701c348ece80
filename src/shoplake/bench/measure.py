"""Run one measurement in its own process: `python -m shoplake.bench.measure STAGE SIDE EVENTS`. Prints JSON."""

from __future__ import annotations

import argparse
import sys

import msgspec

from shoplake import gc_tuning
from shoplake.bench import stages
from shoplake.bench.signals import interrupt_on_sigterm
from shoplake.errors import ShoplakeError


def main() -> int:
    """Measure; 1 when it could not be done, the message being on stderr."""
    parser = argparse.ArgumentParser()
    parser.add_argument("stage", choices=[stage.name for stage in stages.STAGES])
    parser.add_argument("side", choices=("ours", "limit"))
    parser.add_argument("events", type=int)
    options = parser.parse_args()
    interrupt_on_sigterm()
    gc_tuning.collect_rarely()  # as commands and workers do
    measuring = stages.ours if options.side == "ours" else stages.limit
    try:
        found = measuring(options.stage)(options.events)
    except ShoplakeError as error:
        print(error, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
