"""Progress of long tasks, on stderr: a bar on a terminal, otherwise plain lines."""

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
    """Show a progress bar with the remaining time. Call the yielded function with the number done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        print_line = ThrottledLines()
        yield lambda done: print_line(f"{done:,} of {total:,} {what}")
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextlib.contextmanager
def counting_up(what: str) -> Iterator[Callable[[int], None]]:
    """Show a counter, for an unknown total. Call the yielded function with the number done."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        print_line = ThrottledLines()
        yield lambda done: print_line(f"{done:,} {what}")
        return
    with console.status(what) as status:
        yield lambda done: status.update(f"{done:,} {what}")


@contextlib.contextmanager
def rebuilding() -> Iterator[Callable[[Step], None]]:
    """Show a progress bar per source of a rebuild, or lines if there is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        print_line = ThrottledLines()
        yield lambda step: print_line(f"{step.doing}: {step.done:,} of {step.total:,} offsets")
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
    """Show a live table of the sinks, or lines if there is no terminal."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    if not console.is_terminal:
        print_line = ThrottledLines()
        yield lambda views: print_line("; ".join(map(_summary, views)))
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield lambda views: live.update(_table(views), refresh=True)


def _summary(view: WorkerView) -> str:
    """Describe the progress of a worker as part of a line."""
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
    """Describe the state of a worker: what it waits for, its circuit breaker and its paused partitions."""
    state = f"{done.state} for {done.waiting_for}" if done.waiting_for else done.state
    notes = [f"breaker {done.breaker}"] if done.breaker != "closed" else []
    notes += [f"{done.held} partitions held"] if done.held else []
    return f"{state} ({', '.join(notes)})" if notes else state


class ThrottledLines:
    """Print lines, at most one every `PLAIN_EVERY_S` seconds."""

    def __init__(self) -> None:
        self._printed_at = float("-inf")

    def __call__(self, text: str) -> None:
        """Print the text, unless a line was printed a moment ago."""
        now = time.monotonic()
        if now - self._printed_at >= PLAIN_EVERY_S:
            self._printed_at = now
            print(text, file=sys.stderr, flush=True)
