"""How a run goes, while it goes: how far, how fast, how long yet, and some of its events. On stderr."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shoplake.cli.progress import Plain

if TYPE_CHECKING:
    from rich.text import Text

    from shoplake.publish.run import Run, Watch
    from shopsim import EncodedWindow

RATE_OVER_S = 10.0
SHORTEST_S = 1.0
"""Over less, a speed says nothing: a division by microseconds gives billions a second."""
SAMPLE_EVERY_S = 0.5
SAMPLE_LINES = 6
SAMPLE_WIDTH = 160


@dataclass
class Meter:
    """How far a run is and how fast it goes. Mutable."""

    run: Run
    events: int = 0
    reached_ms: int = 0
    _samples: deque[tuple[float, int, float]] = field(default_factory=deque)

    def add(self, now_s: float, events: int, window: EncodedWindow | None) -> None:
        """Note what a `Watch` is told."""
        self.events = events
        if window is not None:
            self.reached_ms = int(window.rows["published_at_ms"][-1])
        self._samples.append((now_s, events, self.share or 0.0))
        while self._samples[0][0] < now_s - RATE_OVER_S and len(self._samples) > 2:
            self._samples.popleft()

    @property
    def share(self) -> float | None:
        """How much of the run is done, by what ends it first; None for a run without an end."""
        shares = []
        if self.run.events is not None:
            shares.append(self.events / self.run.events)
        if self.run.until_ms is not None:
            begin_ms = self.run.scenario.start_ms
            shares.append(max(0, self.reached_ms - begin_ms) / (self.run.until_ms - begin_ms))
        return min(1.0, max(shares)) if shares else None

    @property
    def per_s(self) -> float:
        """Events a second, of late."""
        (first_s, first, _), (last_s, last, _) = self._samples[0], self._samples[-1]
        return (last - first) / (last_s - first_s) if last_s - first_s >= SHORTEST_S else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds to the end at the speed of late; None where nobody knows."""
        (first_s, _, first), (last_s, _, last) = self._samples[0], self._samples[-1]
        if last <= first or last_s - first_s < SHORTEST_S:
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
def publishing(run: Run, *, sample: bool) -> Iterator[Watch]:
    """A bar on a terminal, lines now and then elsewhere; with `sample`, some of the events as they go."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    meter = Meter(run)
    show = Sampler(lambda line: console.print(line, soft_wrap=True)) if sample else None

    def watch(events: int, window: EncodedWindow | None, say: Callable[[Meter], object]) -> None:
        meter.add(time.monotonic(), events, window)
        if show is not None and window is not None:
            show(time.monotonic(), window)
        say(meter)

    if not console.is_terminal:
        plain = Plain()
        yield lambda events, window: watch(events, window, lambda meter: plain(str(meter)))
        return
    with Progress(BarColumn(), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("", total=None if meter.share is None else 1.0)
        yield lambda events, window: watch(
            events, window, lambda meter: bar.update(task, completed=meter.share or 0.0, description=str(meter))
        )


class Sampler:
    """Some events as lines, few enough to be read. Mutable: it remembers when it last showed any."""

    def __init__(self, show: Callable[[Text], None]) -> None:
        self._show = show
        self._shown_at = float("-inf")

    def __call__(self, now_s: float, window: EncodedWindow) -> None:
        """Show some of a window's events, evenly apart."""
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
