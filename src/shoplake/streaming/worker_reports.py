"""What a worker says of itself, as the lines of JSON that it prints."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """What a sink says of itself.

    Attributes:
        applied: records that were read since this process started, and whose events, as far as they are any, are in
            the store.
        lag: offsets between the store and the end of the log, of the partitions that are this worker's.
        state: `joining`, `streaming`, `waiting` (for the store or for Kafka), `standby` (another does the work),
            `caught up`, `stopping` or `stopped`.
        waiting_for: what it waits for, in that state.
        batches: how many went into the store since this process started.
        batch: events of the last one.
        retries: calls to the store that had to be repeated.
        breaker: `closed`, `open` (the store is left alone for a while) or `half-open` (one call asks for it).
        held: partitions that are left alone because the store asked for it.
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


Report = Callable[[Progress], None]
