"""Handle SIGTERM like Ctrl-C, so that the benchmark always cleans up."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


def interrupt_on_sigterm() -> None:
    """Raise KeyboardInterrupt on SIGTERM too, from here on; `stream` takes both for itself and forgets ours after."""
    signal.signal(signal.SIGTERM, _interrupt)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Hear of neither until this is over: impatience would leave servers behind."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
