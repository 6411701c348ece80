"""Distribute lanes over processes: each worker simulates and encodes its lanes, and the parent merges the windows."""

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

from shopsim.core.line_buffers import MemoryFile
from shopsim.engine.publish_windows import published_batches
from shopsim.engine.shared_memory import WorkerOutput, merged, pack, unpack
from shopsim.engine.windows import PublishedBatch
from shopsim.engine.worker_processes import JOIN_S, MAIN_GUARD_MISSING, exit_with_parent, start_process, stop_process
from shopsim.errors import WorkerFailed
from shopsim.loading.files import scenario_from_dict
from shopsim.scenario.sections import Scenario
from shopsim.shop.text_pools import Pools, pools

_PREFETCHED_BATCHES = 1  # batches that a worker holds beside the one it is sending; the limit bounds memory
WINDOWS_PER_WORKER = 2
"""Windows per batch and worker. A worker has only some of the lanes, so a batch is about two whole windows."""
_FRAME, _FAILURE = b"F", b"E"

_Worker: TypeAlias = tuple[BaseProcess, Connection]
_Message: TypeAlias = tuple[bytes, MemoryFile | None]
_Assignment: TypeAlias = tuple[dict[str, Any], int, Sequence[int], int, tuple[str, ...], Pools, int]


def published_batches_in_parallel(
    scenario: Scenario, seed: int, lanes: Sequence[int], first: int, topics: Collection[str], workers: int
) -> Generator[PublishedBatch, None, None]:
    """Yield the published records of the windows from `first` on. Closing the iterator stops the processes.

    Raises:
        WorkerFailed: a worker raised (with its traceback) or died.
    """
    context = multiprocessing.get_context("spawn")  # fork is not safe beside polars' threads
    texts = pools(scenario, seed)
    workers_and_pipes: list[_Worker] = []
    try:
        for number in range(workers):
            parent_end, worker_end = context.Pipe()
            process = context.Process(target=_worker_main, args=(worker_end,), name=f"shopsim-{number}", daemon=True)
            start_process(process)
            workers_and_pipes.append((process, parent_end))
            worker_end.close()  # the pipe then closes when the worker exits
        for number, (worker, parent_end) in enumerate(workers_and_pipes):
            # Not as arguments of the process: if it died before it read them, the parent would wait for ever.
            order = (
                scenario.to_dict(),
                seed,
                lanes[number::workers],
                first,
                tuple(topics),
                texts,
                WINDOWS_PER_WORKER * workers,
            )
            _send_assignment(worker, parent_end, order)
        while parts := [_receive_output(process, receiver) for process, receiver in workers_and_pipes]:
            if any(part is None for part in parts):
                return
            yield merged([part for part in parts if part is not None])
    finally:
        _stop_workers(workers_and_pipes)


def _send_assignment(process: BaseProcess, parent_end: Connection, order: _Assignment) -> None:
    try:
        parent_end.send(order)
    except OSError:
        raise _exit_error(process) from None


def _exit_error(process: BaseProcess) -> WorkerFailed:
    process.join(JOIN_S)
    if process.exitcode == MAIN_GUARD_MISSING:
        return WorkerFailed(
            'with more than one worker, expected the script to call shopsim.stream below `if __name__ == "__main__":`, '
            "since each worker imports the script again; found the call outside. Move it there, or use workers=1"
        )
    return WorkerFailed(f"{process.name} died with exit code {process.exitcode}")


def _receive_output(process: BaseProcess, receiver: Connection) -> WorkerOutput | None:
    try:
        message = receiver.recv_bytes()
    except (EOFError, ConnectionResetError):
        raise _exit_error(process) from None
    if message[:1] == _FAILURE:
        raise WorkerFailed(f"{process.name} failed:\n{message[1:].decode()}")
    if len(message) == 1:
        return None
    descriptor = recv_handle(receiver)
    try:
        return unpack(message[1:], descriptor)
    finally:
        os.close(descriptor)


def _stop_workers(workers_and_pipes: list[_Worker]) -> None:
    for process, receiver in workers_and_pipes:
        receiver.close()
        process.terminate()
    for process, _ in workers_and_pipes:
        stop_process(process)


def _worker_main(worker_end: Connection) -> None:
    """The main function of a worker. It ends when the parent closes the pipe, terminates the worker, or exits."""
    threading.Thread(target=exit_with_parent, daemon=True).start()
    outbox: queue.Queue[_Message] = queue.Queue(maxsize=_PREFETCHED_BATCHES)
    post = threading.Thread(target=_send, args=(worker_end, outbox), daemon=True)
    post.start()
    try:
        definition, seed, lanes, first, topics, texts, at_once = worker_end.recv()
        scenario = scenario_from_dict(definition)
        for part in published_batches(scenario, seed, lanes, first, topics, texts, at_once):
            message, text = pack(part)
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
        except OSError:  # the parent has closed the pipe
            os._exit(0)
        del message, text
