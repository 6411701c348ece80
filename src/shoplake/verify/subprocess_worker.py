"""A subprocess that runs one job at a time, so that Python's GIL does not block the main process."""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

from shoplake import library_logs, malloc_tuning
from shoplake.errors import ShoplakeError
from shopsim.engine.worker_processes import JOIN_S, exit_with_parent, start_process, stop_process

R = TypeVar("R")
OnProgress: TypeAlias = Callable[[int], None]
Job: TypeAlias = Callable[[OnProgress], R]


class SubprocessWorker:
    """A subprocess that lives for one `with` block. It also exits when this process dies."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")  # fork is not safe beside polars' threads
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), name="verify", daemon=True)
        start_process(self._process)
        theirs.close()  # so that the pipe ends when the subprocess dies
        self._free = asyncio.Lock()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        stop_process(self._process)
        self._ours.close()

    async def run(self, job: Job[R], on_progress: OnProgress) -> R:
        """Run a job after the jobs that were requested earlier. Return its result.

        Args:
            job: a module-level function or a `partial` of one, because it is pickled.
            on_progress: called with each number that the job reports.

        Raises:
            Exception: the exception of the job.
            ShoplakeError: the subprocess died.
        """
        async with self._free:
            try:
                self._ours.send(job)
                while isinstance(answer := await asyncio.to_thread(self._ours.recv), int):
                    on_progress(answer)
            except (EOFError, OSError) as error:
                self._process.join(JOIN_S)
                raise ShoplakeError(
                    f"the process that reads the log died with exit code {self._process.exitcode}",
                    fix="check that the machine has enough memory, then run the same command again",
                ) from error
        result, failure = answer
        if failure is not None:
            raise failure
        return result  # type: ignore[no-any-return]


def _work(theirs: Connection) -> None:
    malloc_tuning.return_freed_memory()
    library_logs.to_file("verify")
    threading.Thread(target=exit_with_parent, daemon=True).start()
    while True:
        try:
            job = theirs.recv()
        except EOFError:
            return
        answer: tuple[Any, Exception | None]
        try:
            answer = job(theirs.send), None
        except Exception as error:
            error.add_note(traceback.format_exc())  # a traceback object cannot be pickled
            answer = None, error
        theirs.send(answer)
