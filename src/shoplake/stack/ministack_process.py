"""MiniStack with snapshots, and scans of large tables: run as `python -m shoplake.stack.ministack_process`.

It is configured by MiniStack's own variables. MiniStack writes its state only at a clean stop, so a
`kill -9` would lose all tables, parameters and catalogues. Here they are also written while it runs: when it
has been quiet for a moment, and at the latest every half minute while it is busy. It is not for use as a library.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from shoplake.stack import ministack_scans

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

QUIET_S = 1.0
LONGEST_S = 30.0
# Writing holds up all requests, so a state that takes long to write is written more rarely: 5 % of the time at most.
LARGEST_SHARE = 0.05
POLL_S = 0.25
# By the names of AWS's operations; those that take a message or a lock say so: `ReceiveMessage`, `AssumeRole`.
READS = (b"BatchGet", b"Describe", b"Get", b"List", b"Query", b"Scan", b"TransactGet")


@dataclass(slots=True)
class Timetable:
    """When to write, as a function of requests and times (seconds of one monotonic clock)."""

    changed_at: float | None = None
    last_request_at: float = 0.0
    written_at: float = 0.0
    took_s: float = 0.0

    def note_request(self, now: float) -> None:
        """A request that may have changed something."""
        self.last_request_at = now
        if self.changed_at is None:
            self.changed_at = now

    def note_written(self, now: float, took_s: float) -> None:
        """The state was written."""
        self.changed_at, self.written_at, self.took_s = None, now, took_s

    def due(self, now: float) -> bool:
        """Whether it is time to write."""
        if self.changed_at is None or now - self.written_at < self.took_s / LARGEST_SHARE:
            return False
        return now - self.last_request_at >= QUIET_S or now - self.changed_at >= LONGEST_S


def may_change(scope: Message) -> bool:
    """Whether a request may change the state: one that reads would have all of it written again, as others wait."""
    if scope.get("method") in ("GET", "HEAD"):
        return False
    target = next((value for name, value in scope.get("headers", ()) if name.lower() == b"x-amz-target"), b"")
    return not target.rpartition(b".")[2].startswith(READS)


def with_snapshots(application: Application, write: Callable[[], None]) -> Application:
    """The application, which also calls `write` between two requests when it is due."""
    timetable = Timetable()
    writers: list[asyncio.Task[None]] = []

    async def write_when_due() -> None:
        while True:
            await asyncio.sleep(POLL_S)
            if timetable.due(time.monotonic()):
                begun = time.monotonic()
                write()
                timetable.note_written(time.monotonic(), time.monotonic() - begun)

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            writers.append(asyncio.create_task(write_when_due()))
            try:
                await application(scope, receive, send)
            finally:
                writers[0].cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await writers[0]
            return
        try:
            await application(scope, receive, send)
        finally:
            if may_change(scope):
                timetable.note_request(time.monotonic())

    return serve


def main() -> None:
    """Serve until SIGTERM."""
    from ministack import app as ministack
    from ministack.core.persistence import save_all
    from ministack.services import dynamodb

    def write() -> None:
        save_all(ministack._build_persistence_save_dict())

    ministack_scans.install(dynamodb)
    ministack.app = with_snapshots(ministack.app, write)
    ministack.main()


if __name__ == "__main__":
    main()
