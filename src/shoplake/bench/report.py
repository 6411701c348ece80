"""Results as the rows of a table and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from shoplake.bench.results import Measured, Spread
    from shoplake.bench.stages import Stage

COLUMNS = ("events", "events/s", "limit", "ratio", "µs CPU", "ratio of CPU", "µs of servers", "peak MB", "aim")


@dataclass(frozen=True, slots=True)
class Row:
    """One stage's line.

    Attributes:
        cells: in the order of `COLUMNS`; a spread is `median (least–most)`.
        notes: other figures, in words.
        met: whether the aim is reached; None where there are no figures to say so.
    """

    stage: Stage
    cells: tuple[str, ...]
    notes: tuple[str, ...]
    met: bool | None


def row(stage: Stage, found: Measured) -> Row:
    """A stage's line of the table."""
    cost_us = [sample.ours.cpu_s / sample.ours.events * 1e6 for sample in found.samples]
    servers_us = [sample.ours.servers_cpu_s / sample.ours.events * 1e6 for sample in found.samples]
    cells = (
        f"{found.events:,}",
        _number(found.rate),
        _number(found.limit_rate),
        _ratio(found.ratio),
        f"{_median(cost_us):.2f}",
        _ratio(found.cpu_ratio),
        f"{_median(servers_us):.2f}",
        f"{found.peak_rss_bytes / 1e6:,.0f}",
        stage.aim,
    )
    notes = tuple(_note(name, figure) for name, figure in found.figures.items())
    return Row(stage, cells, notes, met(stage, found))


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


def _number(found: Spread | None) -> str:
    return "" if found is None else _spread(found, lambda value: f"{value:,.0f}")


def _ratio(found: Spread | None) -> str:
    return "" if found is None else _spread(found, lambda value: f"{value:.2g}")


def _spread(found: Spread, text: Callable[[float], str]) -> str:
    if found.min == found.max:
        return text(found.median)
    return f"{text(found.median)} ({text(found.min)}–{text(found.max)})"


def _note(name: str, found: Spread) -> str:
    what, _, unit = name.rpartition("_")
    if unit == "s" and what:
        return f"{what} {_spread(found, lambda value: f'{value:.2f}')} s"
    if unit == "bytes" and what:
        return f"{what} {_spread(found, lambda value: f'{value / 1e6:,.0f}')} MB"
    return f"{name} {_number(found)}"


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
