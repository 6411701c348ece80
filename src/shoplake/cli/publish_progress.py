"""Progress of a publisher run, on stderr: events, rate, remaining time and a sample of the events."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shoplake.cli.progress import ThrottledLines

if TYPE_CHECKING:
    from rich.text import Text

    from shoplake.publish.run import OnProgress, Run
    from shopsim import EncodedWindow

RATE_OVER_S = 10.0
MIN_RATE_PERIOD_S = 1.0
"""No rate is shown for a shorter period: a division by microseconds gives billions per second."""
SAMPLE_EVERY_S = 0.5
SAMPLE_LINES = 6
SAMPLE_WIDTH = 160


@dataclass
class Meter:
    """Progress and rate of a run. Mutable."""

    run: Run
    events: int = 0
    reached_ms: int = 0
    _samples: deque[tuple[float, int, float]] = field(default_factory=deque)

    def add(self, now_s: float, events: int, window: EncodedWindow | None) -> None:
        """Record a progress report."""
        self.events = events
        if window is not None:
            self.reached_ms = int(window.rows["published_at_ms"][-1])
        self._samples.append((now_s, events, self.share or 0.0))
        while self._samples[0][0] < now_s - RATE_OVER_S and len(self._samples) > 2:
            self._samples.popleft()

    @property
    def share(self) -> float | None:
        """Completed share of the run, from 0 to 1, by the limit that is nearest. None for a run without a limit."""
        shares = []
        if self.run.events is not None:
            shares.append(self.events / self.run.events)
        if self.run.until_ms is not None:
            begin_ms = self.run.scenario.start_ms
            shares.append(max(0, self.reached_ms - begin_ms) / (self.run.until_ms - begin_ms))
        return min(1.0, max(shares)) if shares else None

    @property
    def per_s(self) -> float:
        """Events per second over the last seconds."""
        (first_s, first, _), (last_s, last, _) = self._samples[0], self._samples[-1]
        return (last - first) / (last_s - first_s) if last_s - first_s >= MIN_RATE_PERIOD_S else 0.0

    @property
    def left_s(self) -> float | None:
        """Estimated seconds to the end at the recent rate. None if unknown."""
        (first_s, _, first), (last_s, _, last) = self._samples[0], self._samples[-1]
        if last <= first or last_s - first_s < MIN_RATE_PERIOD_S:
            return None
        return (1 - last) * (last_s - first_s) / (last - first)

    def __str__(self) -> str:
        of = f" of {self.run.events:,}" if self.run.events is not None else ""
        parts = [f"{self.events:,}{of} events"]
        if self.reached_ms:
            parts.append(f"up to {_time(self.reached_ms):%Y-%m-%d %H:%M:%S}")
        if self.per_s:
            parts.append(f"{self.per_s:,.0f}/s")
        if self.left_s is not None:
            parts.append(f"{dt.timedelta(seconds=round(self.left_s))} left")
        return ", ".join(parts)


@contextlib.contextmanager
def publishing(run: Run, *, sample: bool) -> Iterator[OnProgress]:
    """Show a bar on a terminal, otherwise lines. With `sample`, also show some of the events."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    meter = Meter(run)
    show = Sampler(lambda line: console.print(line, soft_wrap=True)) if sample else None

    def update(events: int, window: EncodedWindow | None, render: Callable[[Meter], object]) -> None:
        meter.add(time.monotonic(), events, window)
        if show is not None and window is not None:
            show(time.monotonic(), window)
        render(meter)

    if not console.is_terminal:
        print_line = ThrottledLines()
        yield lambda events, window: update(events, window, lambda meter: print_line(str(meter)))
        return
    with Progress(BarColumn(), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("", total=None if meter.share is None else 1.0)
        yield lambda events, window: update(
            events, window, lambda meter: bar.update(task, completed=meter.share or 0.0, description=str(meter))
        )


class Sampler:
    """Show a few events as lines, at a readable rate. Mutable: it stores the time of the last output."""

    def __init__(self, show: Callable[[Text], None]) -> None:
        self._show = show
        self._shown_at = float("-inf")

    def __call__(self, now_s: float, window: EncodedWindow) -> None:
        """Show some events of a window, evenly spaced."""
        if now_s - self._shown_at < SAMPLE_EVERY_S:
            return
        self._shown_at = now_s
        for row in window.rows.gather_every(max(1, -(-window.rows.height // SAMPLE_LINES))).rows(named=True):
            self._show(_line(row))


def _line(row: dict[str, object]) -> Text:
    from rich.text import Text

    value, fault, published = row["value"], row["fault"], row["published_at_ms"]
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else ""
    line = Text(f"{_time(int(str(published))):%m-%d %H:%M:%S} ", style="dim", no_wrap=True, overflow="ellipsis")
    line.append(f"{row['topic']} ", style="cyan")
    if fault:
        line.append(f"{fault} ", style="red")
    line.append(text, style="default")
    line.truncate(SAMPLE_WIDTH, overflow="ellipsis")
    return line


def _time(ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
