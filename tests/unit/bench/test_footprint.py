"""What a process takes together with those that it starts."""

from __future__ import annotations

import multiprocessing
import time
from multiprocessing.connection import Connection

from shoplake.bench.footprint import EVERY_S, Footprint

MB = 1024 * 1024


def hold(pipe: Connection, size: int) -> None:
    held = b"\1" * size
    pipe.send(len(held))
    pipe.recv()


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
        time.sleep(2 * EVERY_S)
        del held
        ours.send(None)
        other.join()
    assert 150 * MB < both.peak_bytes - alone.peak_bytes < 250 * MB


def test_what_was_given_back_before_does_not_add_up() -> None:
    with Footprint() as footprint:
        for _ in range(3):
            held = b"\1" * (100 * MB)
            time.sleep(2 * EVERY_S)
            del held
    with Footprint() as after:
        pass
    assert 90 * MB < footprint.peak_bytes - after.peak_bytes < 150 * MB
