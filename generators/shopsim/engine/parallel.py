"""Lanes over processes: each worker simulates and encodes its own, the parent merges window by window."""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import traceback
from collections.abc import Collection, Generator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any, TypeAlias

from shopsim.core.line_buffers import Text
from shopsim.engine.publish_windows import published
from shopsim.engine.shared_memory import Parcel, merged, packed, unpacked
from shopsim.engine.windows import Published
from shopsim.engine.worker_processes import JOIN_S, UNGUARDED, end, end_with_parent, start
from shopsim.errors import WorkerFailed
from shopsim.loading.files import scenario_from_dict
from shopsim.scenario.sections import Scenario
from shopsim.shop.text_pools import Pools, pools

_AHEAD = 1  # stretches that a worker holds ready beside the one it is sending: memory stays flat
WINDOWS_PER_WORKER = 2
"""Windows that are made at once, for each worker: as it holds some of the lanes only, as much as two whole ones."""
_FRAME, _FAILURE = b"F", b"E"

_Member: TypeAlias = tuple[BaseProcess, Connection]
_Message: TypeAlias = tuple[bytes, Text | None]
_Order: TypeAlias = tuple[dict[str, Any], int, Sequence[int], int, tuple[str, ...], Pools, int]


def published_in_parallel(
    scenario: Scenario, seed: int, lanes: Sequence[int], first: int, topics: Collection[str], workers: int
) -> Generator[Published, None, None]:
    """What is published in the windows from `first` on. Closing the iterator ends the processes.

    Raises:
        WorkerFailed: a worker raised (with its traceback) or died.
    """
    context = multiprocessing.get_context("spawn")  # fork is not safe beside polars' threads
    texts = pools(scenario, seed)
    crew: list[_Member] = []
    try:
        for number in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs,), name=f"shopsim-{number}", daemon=True)
            start(process)
            crew.append((process, ours))
            theirs.close()  # the worker's death then ends the pipe
        for number, (worker, ours) in enumerate(crew):
            # Not as arguments of the process: one that dies before it reads them would leave us waiting for ever.
            order = (
                scenario.to_dict(),
                seed,
                lanes[number::workers],
                first,
                tuple(topics),
                texts,
                WINDOWS_PER_WORKER * workers,
            )
            _sent(worker, ours, order)
        while parts := [_received(process, receiver) for process, receiver in crew]:
            if any(part is None for part in parts):
                return
            yield merged([part for part in parts if part is not None])
    finally:
        _dismiss(crew)


def _sent(process: BaseProcess, ours: Connection, order: _Order) -> None:
    try:
        ours.send(order)
    except OSError:
        raise _death(process) from None


def _death(process: BaseProcess) -> WorkerFailed:
    process.join(JOIN_S)
    if process.exitcode == UNGUARDED:
        return WorkerFailed(
            'with more than one worker, expected the script to call shopsim.stream below `if __name__ == "__main__":`, '
            "since each worker imports the script again; found the call outside. Move it there, or use workers=1"
        )
    return WorkerFailed(f"{process.name} died with exit code {process.exitcode}")


def _received(process: BaseProcess, receiver: Connection) -> Parcel | None:
    try:
        message = receiver.recv_bytes()
    except (EOFError, ConnectionResetError):
        raise _death(process) from None
    if message[:1] == _FAILURE:
        raise WorkerFailed(f"{process.name} failed:\n{message[1:].decode()}")
    if len(message) == 1:
        return None
    descriptor = recv_handle(receiver)
    try:
        return unpacked(message[1:], descriptor)
    finally:
        os.close(descriptor)


def _dismiss(crew: list[_Member]) -> None:
    for process, receiver in crew:
        receiver.close()
        process.terminate()
    for process, _ in crew:
        end(process)


def _work(theirs: Connection) -> None:
    """A worker's life: ends when its parent closes the pipe, terminates it, or dies."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    outbox: queue.Queue[_Message] = queue.Queue(maxsize=_AHEAD)
    post = threading.Thread(target=_send, args=(theirs, outbox), daemon=True)
    post.start()
    try:
        definition, seed, lanes, first, topics, texts, at_once = theirs.recv()
        scenario = scenario_from_dict(definition)
        for part in published(scenario, seed, lanes, first, topics, texts, at_once):
            message, text = packed(part)
            outbox.put((_FRAME + message, text))
            del part, message, text
        outbox.put((_FRAME, None))  # an empty frame message: no more windows
    except Exception:
        outbox.put((_FAILURE + traceback.format_exc().encode(), None))
    outbox.put((b"", None))
    post.join()


def _send(sender: Connection, outbox: queue.Queue[_Message]) -> None:
    parent = os.getppid()
    while True:
        message, text = outbox.get()
        if not message:
            return
        try:
            sender.send_bytes(message)
            if text is not None:
                send_handle(sender, text.file.fileno(), parent)
        except OSError:  # nobody listens any more
            os._exit(0)
        del message, text
