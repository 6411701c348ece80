"""A worker whose store takes so many events a second and no more: started in the worker's place."""

from __future__ import annotations

import asyncio
import os
import sys

from shoplake import sinks
from shoplake.settings import Settings
from shoplake.sinks.base import Batch, Ownership, Sink
from shoplake.streaming import worker

EVENTS_PER_S = "SHOPLAKE_FAULTS_EVENTS_PER_S"


def main() -> int:
    make = sinks.make

    def made(name: str, settings: Settings) -> Sink:
        sink = make(name, settings)
        apply = sink.apply

        async def slowly(batch: Batch, owner: Ownership) -> None:
            await asyncio.sleep(len(batch) / float(os.environ[EVENTS_PER_S]))
            await apply(batch, owner)

        sink.apply = slowly
        return sink

    sinks.make = made
    return worker.main()


if __name__ == "__main__":
    sys.exit(main())
