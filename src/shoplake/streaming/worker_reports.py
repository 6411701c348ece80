"""The progress report of a worker, printed as a line of JSON."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """The progress of one worker since its process started.

    Attributes:
        applied: number of records processed; their valid events are in the store.
        lag: offsets between the store and the end of the log, over this worker's partitions.
        state: `joining`, `streaming`, `waiting` (for the store or Kafka), `standby` (another worker is active),
            `caught up`, `stopping` or `stopped`.
        waiting_for: what the worker waits for in state `waiting`.
        batches: number of batches written to the store.
        batch: number of events in the last batch.
        retries: number of retried calls to the store.
        breaker: state of the circuit breaker: `closed`, `open` (no calls) or `half-open` (one test call).
        held: number of partitions that are paused because the store asked to wait.
        positions: in the last report, the next offset of each partition of this worker (`Positions.as_json`).
    """

    applied: int = 0
    lag: int = 0
    state: str = "starting"
    waiting_for: str = ""
    batches: int = 0
    batch: int = 0
    retries: int = 0
    breaker: str = "closed"
    held: int = 0
    positions: str = ""


Report = Callable[[Progress], None]
