"""How long tasks show that they move: on stderr, as a bar on a terminal and as plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import TaskID
    from rich.table import Table

    from shoplake.streaming.rebuild import Step
    from shoplake.streaming.supervisor import WorkerView
    from shoplake.streaming.worker_reports import Progress as WorkerProgress

PLAIN_EVERY_S = 5.0


@contextlib.contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar with remaining time; call what it gives with the number done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        say = Plain()
        yield lambda done: say(f"{done:,} of {total:,} {what}")
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextlib.contextmanager
def counting_up(what: str) -> Iterator[Callable[[int], None]]:
    """A number that grows, where the total is not known before; call what it gives with the number done."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        say = Plain()
        yield lambda done: say(f"{done:,} {what}")
        return
    with console.status(what) as status:
        yield lambda done: status.update(f"{done:,} {what}")


@contextlib.contextmanager
def rebuilding() -> Iterator[Callable[[Step], None]]:
    """A bar per source that a store is filled from; elsewhere than on a terminal a line now and then."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        say = Plain()
        yield lambda step: say(f"{step.doing}: {step.done:,} of {step.total:,} offsets")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def show(step: Step) -> None:
            if step.doing not in tasks:
                tasks[step.doing] = bar.add_task(step.doing, total=step.total)
            bar.update(tasks[step.doing], completed=step.done, total=step.total)

        yield show


@contextlib.contextmanager
def watching_sinks() -> Iterator[Callable[[Sequence[WorkerView]], None]]:
    """A table of sinks that is redrawn; elsewhere than on a terminal a line now and then."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    if not console.is_terminal:
        say = Plain()
        yield lambda views: say("; ".join(map(_in_short, views)))
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield lambda views: live.update(_table(views), refresh=True)


def _in_short(view: WorkerView) -> str:
    """How far a worker is, as a part of a line."""
    behind = f", {view.progress.lag:,} behind" if view.progress.lag else ""
    return f"{view} {view.progress.applied:,} ({state_of(view.progress)}{behind})"


def _table(views: Sequence[WorkerView]) -> Table:
    from rich.table import Table

    table = Table("sink", "state")
    for name in ("events", "lag", "events/s", "retries", "restarts"):
        table.add_column(name, justify="right")
    for view in views:
        done = view.progress
        numbers = (f"{done.applied:,}", f"{done.lag:,}", f"{view.rate:,.0f}", f"{done.retries:,}", str(view.restarts))
        table.add_row(str(view), state_of(done), *numbers)
    return table


def state_of(done: WorkerProgress) -> str:
    """A worker's state in a few words: what it waits for, and what it has given up for the moment."""
    said = f"{done.state} for {done.waiting_for}" if done.waiting_for else done.state
    notes = [f"breaker {done.breaker}"] if done.breaker != "closed" else []
    notes += [f"{done.held} partitions held"] if done.held else []
    return f"{said} ({', '.join(notes)})" if notes else said


class Plain:
    """Lines, not too many of them."""

    def __init__(self) -> None:
        self._said_at = float("-inf")

    def __call__(self, text: str) -> None:
        """Say it, unless something was said just now."""
        now = time.monotonic()
        if now - self._said_at >= PLAIN_EVERY_S:
            self._said_at = now
            print(text, file=sys.stderr, flush=True)
