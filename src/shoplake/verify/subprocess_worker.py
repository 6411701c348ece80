"""A process of its own that does one thing after the other, so that Python's lock does not hold up the rest."""

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
from shopsim.engine.worker_processes import JOIN_S, end, end_with_parent, start

R = TypeVar("R")
Tell: TypeAlias = Callable[[int], None]
Job: TypeAlias = Callable[[Tell], R]


class Apart:
    """One more process, from `with` to the end of it. It ends with this one, however that ends."""

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")  # fork is not safe beside polars' threads
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), name="verify", daemon=True)
        start(self._process)
        theirs.close()  # the process's death then ends the pipe
        self._free = asyncio.Lock()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        end(self._process)
        self._ours.close()

    async def run(self, job: Job[R], tell: Tell) -> R:
        """What the job returns, which is done after those that were asked for before.

        Args:
            job: a function of a module, or a `partial` of one: it goes over to another process.
            tell: is given each number that the job tells.

        Raises:
            Exception: what the job raised.
            ShoplakeError: the process died.
        """
        async with self._free:
            try:
                self._ours.send(job)
                while isinstance(answer := await asyncio.to_thread(self._ours.recv), int):
                    tell(answer)
            except (EOFError, OSError) as error:
                self._process.join(JOIN_S)
                raise ShoplakeError(
                    f"the process that reads the log died with exit code {self._process.exitcode}",
                    fix="was there too little memory? run the same command again",
                ) from error
        result, failure = answer
        if failure is not None:
            raise failure
        return result  # type: ignore[no-any-return]


def _work(theirs: Connection) -> None:
    malloc_tuning.keep_little()
    library_logs.to_file("verify")
    threading.Thread(target=end_with_parent, daemon=True).start()
    while True:
        try:
            job = theirs.recv()
        except EOFError:
            return
        answer: tuple[Any, Exception | None]
        try:
            answer = job(theirs.send), None
        except Exception as error:
            error.add_note(traceback.format_exc())  # what a traceback is does not go through a pipe
            answer = None, error
        theirs.send(answer)
