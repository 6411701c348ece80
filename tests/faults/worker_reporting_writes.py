"""A worker that also says how each write of its sink ended, on standard error: it is started in the worker's place."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from shoplake import sinks
from shoplake.settings import Settings
from shoplake.sinks.base import Batch, Ownership, Sink
from shoplake.streaming import worker

OUTCOME = "outcome: "


def watch(sink: Sink) -> None:
    """Have every call of `apply` reported, with its batch and what it raised."""
    apply = sink.apply

    async def reported(batch: Batch, owner: Ownership) -> None:
        begun = time.monotonic()
        raised = ""
        try:
            await apply(batch, owner)
        except Exception as error:
            raised = type(error).__name__
            raise
        finally:
            epochs = {str(p): epoch for p, epoch in owner.items()}
            line = {"raised": raised, "events": len(batch), "seconds": time.monotonic() - begun, "epochs": epochs}
            print(f"{OUTCOME}{json.dumps(line)}", file=sys.stderr, flush=True)

    sink.apply = reported


@dataclass(frozen=True)
class Outcome:
    """How one call ended.

    Attributes:
        raised: name of the error; empty where all was well.
        epochs: as whose it was made, by partition.
    """

    raised: str
    epochs: dict[str, int]


def outcomes(errors: Path) -> list[Outcome]:
    """What became of the calls, in order."""
    lines = errors.read_text(errors="replace").splitlines()
    said = [json.loads(line.removeprefix(OUTCOME)) for line in lines if line.startswith(OUTCOME)]
    return [Outcome(one["raised"], one["epochs"]) for one in said]


def main() -> int:
    make = sinks.make

    def made(name: str, settings: Settings) -> Sink:
        sink = make(name, settings)
        watch(sink)
        return sink

    sinks.make = made
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
