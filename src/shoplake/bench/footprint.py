"""Memory of a process and its child processes."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Self

from shoplake.stack import process

EVERY_S = 1.0  # a look at half a gigabyte takes a hundredth of that


class Footprint:
    """Looks at this process and its descendants from `with` to its end. Mutable: `peak_bytes` grows.

    Attributes:
        peak_bytes: most that they had at one time. A page that several have counts once, as Linux reckons it (`Pss`):
            most of a library's pages are such.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="footprint", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, process.proportional_bytes(os.getpid()))
            if self._ended.wait(EVERY_S):
                return
