"""What a process takes together with those that it starts."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection

from shoplake.bench.footprint import EVERY_S, Footprint

MB = 1024 * 1024


def hold(pipe: Connection, size: int) -> None:
    held = b"\1" * size
    pipe.send(len(held))
    pipe.recv()


def seen(condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        time.sleep(0.2)
    raise AssertionError("not seen in twenty seconds")


def test_what_both_hold_at_one_time_counts() -> None:
    with Footprint() as alone:
        pass
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    other = context.Process(target=hold, args=(theirs, 50 * MB), daemon=True)
    with Footprint() as both:
        other.start()
        ours.recv()
        held = b"\1" * (100 * MB)
        seen(lambda: both.peak_bytes > alone.peak_bytes + 150 * MB)
        del held
        ours.send(None)
        other.join()
    assert both.peak_bytes < alone.peak_bytes + 250 * MB


def test_what_was_given_back_before_does_not_add_up() -> None:
    with Footprint() as before:
        pass
    with Footprint() as footprint:
        for _ in range(2):
            held = b"\1" * (100 * MB)
            seen(lambda: footprint.peak_bytes > before.peak_bytes + 90 * MB)
            time.sleep(1.5 * EVERY_S)
            del held
    assert footprint.peak_bytes < before.peak_bytes + 150 * MB
