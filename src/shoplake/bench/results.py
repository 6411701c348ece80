"""Results of measurements: rates, ratios and medians. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import msgspec

from shoplake.sinks import SINKS

PUBLISH, READ = "publish", "read"


class Measure(msgspec.Struct, frozen=True):
    """One measurement, in a process of its own.

    Attributes:
        events: that went through in the timed part.
        wall_s: length of the timed part.
        cpu_s: user and system time of the measuring process, of all its threads, in the timed part; of the whole
            path and of verify also that of the processes it started.
        servers_cpu_s: the same of the stack's servers.
        peak_rss_bytes: most resident memory that the process had, imports and preparation included; of verify the
            most that it and the process beside it had at one time (`Footprint`).
        figures: what else was measured, by name with its unit (`p50_s`).
    """

    events: int
    wall_s: float
    cpu_s: float
    servers_cpu_s: float = 0.0
    peak_rss_bytes: int = 0
    figures: dict[str, float] = {}

    def with_figures(self, **figures: float) -> Measure:
        """The same with what else was measured."""
        return msgspec.structs.replace(self, figures=figures)

    @property
    def rate(self) -> float:
        """Events a second, by the wall clock."""
        return self.events / self.wall_s if self.wall_s else 0.0

    @property
    def cpu_rate(self) -> float:
        """Events per CPU second of the process."""
        return self.events / self.cpu_s if self.cpu_s else 0.0

    @property
    def cost_s(self) -> float:
        """CPU seconds per event, of the process and of the servers."""
        return (self.cpu_s + self.servers_cpu_s) / self.events if self.events else 0.0


class Sample(msgspec.Struct, frozen=True):
    """One run of a stage: ours, and the limit beside it, None where there is none."""

    ours: Measure
    limit: Measure | None = None

    @property
    def ratio(self) -> float | None:
        """Our rate as a share of the limit's, by the wall clock."""
        return self.ours.rate / self.limit.rate if self.limit and self.limit.rate else None

    @property
    def cpu_ratio(self) -> float | None:
        """The same by CPU time of the measuring processes: others on the machine change it little."""
        return self.ours.cpu_rate / self.limit.cpu_rate if self.limit and self.limit.cpu_rate else None


class Spread(msgspec.Struct, frozen=True):
    """Several measurements of one figure."""

    median: float
    min: float
    max: float


class Measured(msgspec.Struct, frozen=True):
    """All runs of one stage."""

    stage: str
    samples: tuple[Sample, ...]

    @property
    def events(self) -> int:
        """Of each run; they are the same in all."""
        return self.samples[0].ours.events

    @property
    def rate(self) -> Spread:
        """Our events a second."""
        return spread([sample.ours.rate for sample in self.samples])

    @property
    def cpu_rate(self) -> Spread:
        """Our events per CPU second of the process."""
        return spread([sample.ours.cpu_rate for sample in self.samples])

    @property
    def limit_rate(self) -> Spread | None:
        """The limit's events a second."""
        return spread_or_none([sample.limit.rate if sample.limit else None for sample in self.samples])

    @property
    def limit_cpu_rate(self) -> Spread | None:
        """The limit's events per CPU second."""
        return spread_or_none([sample.limit.cpu_rate if sample.limit else None for sample in self.samples])

    @property
    def ratio(self) -> Spread | None:
        """Ours as a share of the limit, run by run, by the wall clock."""
        return spread_or_none([sample.ratio for sample in self.samples])

    @property
    def cpu_ratio(self) -> Spread | None:
        """Ours as a share of the limit, run by run, by CPU time."""
        return spread_or_none([sample.cpu_ratio for sample in self.samples])

    @property
    def cost_s(self) -> float:
        """CPU seconds per event, of process and servers; the median."""
        return spread([sample.ours.cost_s for sample in self.samples]).median

    @property
    def peak_rss_bytes(self) -> int:
        """The most of any run."""
        return max(sample.ours.peak_rss_bytes for sample in self.samples)

    @property
    def figures(self) -> Mapping[str, Spread]:
        """What else was measured."""
        return {
            name: spread([sample.ours.figures[name] for sample in self.samples])
            for name in self.samples[0].ours.figures
        }


def spread(values: Sequence[float]) -> Spread:
    """Median, least and most of at least one value."""
    return Spread(statistics.median(values), min(values), max(values))


def spread_or_none(values: Sequence[float | None]) -> Spread | None:
    """The same, or None where a value is missing."""
    known = [value for value in values if value is not None]
    return spread(known) if known and len(known) == len(values) else None


def beside_reading(sample: Sample, reading: Measured) -> Sample:
    """A sink's sample with one figure more: what bare reading and bare writing cost together, as a share of its cost.

    Its limit is of writing alone, which a store that takes a batch as one small change hardly has to do. Costs are CPU
    time of the processes and of the servers.

    Args:
        sample: of a sink.
        reading: of the stage that reads, whose limit is bare.
    """
    bare = [one.limit.cost_s for one in reading.samples if one.limit]
    if sample.limit is None or not bare or not sample.ours.cost_s:
        return sample
    share = (spread(bare).median + sample.limit.cost_s) / sample.ours.cost_s
    return Sample(sample.ours.with_figures(**sample.ours.figures, of_bare_reading_and_writing=share), sample.limit)


def sum_of_costs(done: Mapping[str, Measured], events: int, cores: int) -> Measure | None:
    """So many events through generator and all sinks, if all processors did nothing but what these cost alone.

    A sink reads some of the log's topics: what it costs counts for its share of the events.

    Returns:
        None where one of the parts was not measured.
    """
    if not {PUBLISH, *SINKS} <= done.keys():
        return None
    in_log = done[PUBLISH].events
    parts = [(done[name], done[name].events / in_log * events) for name in (PUBLISH, *SINKS)]
    own_s = sum(spread([s.ours.cpu_s / s.ours.events for s in part.samples]).median * count for part, count in parts)
    all_s = sum(part.cost_s * count for part, count in parts)
    return Measure(events=events, wall_s=all_s / cores, cpu_s=own_s, servers_cpu_s=all_s - own_s)
