"""A worker process: runs one sink (`python -m shoplake.streaming.worker SINK`) and reports as JSON lines on stdout.

It ends when its parent ends: then its standard input is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import msgspec

from shoplake import failpoints, gc_tuning, library_logs, sinks
from shoplake import settings as settings_
from shoplake.errors import ShoplakeError
from shoplake.streaming import group_membership
from shoplake.streaming.dead_letters.router import DeadLetterLoop
from shoplake.streaming.loop import REPORT_EVERY_S, SinkLoop
from shoplake.streaming.reader import Limits, LogReader
from shoplake.streaming.worker_reports import Progress

DEAD_LETTERS = "dead-letters"
# After a stop signal: the time to finish the current batch, and the time after which the process ends in any case.
ORDERLY_S = 5.0
HARD_S = 8.0
# The lake gets large batches, because each commit is expensive. Redis gets a short linger, because people watch it.
LIMITS = {"lake": Limits(max_records=100_000, linger_s=1.0), "redis": Limits(max_records=50_000, linger_s=0.2)}


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """The last line of a worker that failed."""

    error: str


def main() -> int:
    """Run one worker. Exit code 0 after a stop signal or when it has caught up, 1 if it failed (see its last line)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sink", help=f"{', '.join((*sinks.SINKS, DEAD_LETTERS))}, or a sink of another package")
    parser.add_argument("--environment", default="local")
    parser.add_argument("--until-caught-up", action="store_true")
    parser.add_argument("--max-records", type=int, help="records per batch; each sink has its own default")
    parser.add_argument("--report-every-s", type=float, default=REPORT_EVERY_S)
    arguments = parser.parse_args()
    try:
        failpoints.arm(os.environ)
        gc_tuning.collect_rarely()
        library_logs.to_file(arguments.sink)
        asyncio.run(_run(arguments))
    except ShoplakeError as error:
        _print(Failure(str(error)))
        return 1
    except BrokenPipeError:
        # The parent has ended, so no process reads the reports.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


async def _run(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    stop = partial(_stop, stopping, asyncio.current_task())
    events = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        events.add_signal_handler(number, stop)
    with contextlib.suppress(PermissionError):  # stdin is a file, not a pipe: the worker was started by hand
        events.add_reader(sys.stdin.fileno(), _watch_parent, stop)
    try:
        await _work(arguments, stopping)
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise


async def _work(arguments: argparse.Namespace, stopping: asyncio.Event) -> None:
    settings = settings_.load(arguments.environment)
    log, until_caught_up = settings.kafka, arguments.until_caught_up
    if arguments.sink == DEAD_LETTERS:
        await DeadLetterLoop(log, _print).run(until_caught_up=until_caught_up, stopping=stopping)
        return
    store = sinks.make(arguments.sink, settings)
    limits = LIMITS.get(arguments.sink, Limits())
    if arguments.max_records:
        limits = replace(limits, max_records=arguments.max_records)
    group = f"{log.group_prefix}-{arguments.sink}"
    with group_membership.held(group) as member:
        reader = LogReader(log, group, store.topics, limits, member)
        loop = SinkLoop(store, reader, _print, report_every_s=arguments.report_every_s)
        await loop.run(until_caught_up=until_caught_up, stopping=stopping)


def _stop(stopping: asyncio.Event, work: asyncio.Task[None] | None) -> None:
    """End in bounded time, if possible after the current batch. The next start applies what is not in the store yet."""
    if stopping.is_set():
        return
    stopping.set()
    if work is not None:
        asyncio.get_running_loop().call_later(ORDERLY_S, work.cancel)
    # A thread that waits for a store cannot be stopped, and Python would wait for it at exit.
    timer = threading.Timer(HARD_S, os._exit, (0,))
    timer.daemon = True
    timer.start()


def _watch_parent(stop: Callable[[], None]) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        stop()
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())


def _print(line: Progress | Failure) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
