"""Format the results as table rows and JSON. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from shoplake.bench.results import Spread, spread

if TYPE_CHECKING:
    from shoplake.bench.results import Measured
    from shoplake.bench.stages import Stage

COLUMNS = ("events/s", "limit", "ratio", "ratio of CPU", "µs CPU", "servers", "MB")
"""All of one stage, in a terminal of 80 columns; what the figures are is said below the table."""

LEGEND = (
    "medians of {runs}, least to most below; ratio: of the limit, by the wall clock and by CPU time",
    "µs of CPU per event: of the measuring process, and of the stack's servers; MB: its peak",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One stage's line.

    Attributes:
        cells: in the order of `COLUMNS`; a second line has the spread.
        notes: what the figures are of, in sentences.
        met: whether the aim is reached; None where there are no figures to say so.
    """

    stage: Stage
    cells: tuple[str, ...]
    notes: tuple[str, ...]
    met: bool | None


def row(stage: Stage, found: Measured) -> Row:
    """A stage's line of the table."""
    cost_us = spread([sample.ours.cpu_s / sample.ours.events * 1e6 for sample in found.samples])
    servers_us = spread([sample.ours.servers_cpu_s / sample.ours.events * 1e6 for sample in found.samples])
    cells = (
        _cell(found.rate, compact),
        _cell(found.limit_rate, compact),
        _cell(found.ratio, short),
        _cell(found.cpu_ratio, short),
        short(cost_us.median),
        short(servers_us.median),
        f"{found.peak_rss_bytes / 1e6:.0f}",
    )
    limit = [f"limit: {stage.limit}"] if stage.limit else []
    notes = [_note(name, figure) for name, figure in found.figures.items()]
    said = (f"{stage.what}; {found.events:,} events", *limit, *([", ".join(notes)] if notes else []))
    return Row(stage, cells, said, met(stage, found))


def met(stage: Stage, found: Measured) -> bool | None:
    """Whether the medians reach the aim: of one thread by CPU time, of all else by the wall clock."""
    rate, ratio = (found.cpu_rate, found.cpu_ratio) if stage.one_thread else (found.rate, found.ratio)
    said = []
    if stage.aim_rate is not None:
        said.append(rate.median >= stage.aim_rate)
    if stage.aim_ratio is not None and ratio is not None:
        said.append(ratio.median >= stage.aim_ratio)
    said += [found.figures[name].median <= most for name, most in stage.aim_figures if name in found.figures]
    return all(said) if said else None


def document(stages: Mapping[str, Stage], measured: list[Measured]) -> list[dict[str, object]]:
    """What scripts get: each stage with its texts, its spreads and every measurement."""
    return [
        {
            "stage": found.stage,
            "what": stages[found.stage].what,
            "limit": stages[found.stage].limit,
            "aim": stages[found.stage].aim,
            "met": met(stages[found.stage], found),
            "events": found.events,
            "events_per_s": msgspec.to_builtins(found.rate),
            "events_per_cpu_s": msgspec.to_builtins(found.cpu_rate),
            "limit_events_per_s": msgspec.to_builtins(found.limit_rate),
            "limit_events_per_cpu_s": msgspec.to_builtins(found.limit_cpu_rate),
            "ratio": msgspec.to_builtins(found.ratio),
            "cpu_ratio": msgspec.to_builtins(found.cpu_ratio),
            "peak_rss_bytes": found.peak_rss_bytes,
            "figures": msgspec.to_builtins(found.figures),
            "runs": msgspec.to_builtins(found.samples),
        }
        for found in measured
    ]


def compact(value: float) -> str:
    """A rate with three digits: `1.36M`, `417k`, `905`."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{short(value / size)}{unit}"
    return short(value)


def short(value: float) -> str:
    """Three digits, no exponent: `0.042`, `1.36`, `13.6`, `136`, `1360`."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _cell(found: Spread | None, text: Callable[[float], str]) -> str:
    if found is None:
        return ""
    return text(found.median) if found.min == found.max else f"{text(found.median)}\n{_least_to_most(found, text)}"


def _least_to_most(found: Spread, text: Callable[[float], str]) -> str:
    return f"{text(found.min)}–{text(found.max)}"


def _note(name: str, found: Spread) -> str:
    what, _, unit = name.rpartition("_")
    scale, suffix = {"s": (1.0, " s"), "bytes": (1e6, " MB")}.get(unit if what else "", (1.0, ""))
    scaled = Spread(found.median / scale, found.min / scale, found.max / scale)
    named = f"{(what if suffix else name).replace('_', ' ')} {short(scaled.median)}{suffix}"
    return named if scaled.min == scaled.max else f"{named} ({_least_to_most(scaled, short)})"
