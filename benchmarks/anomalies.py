"""Measure the anomaly detector on simulated shops: false alarms, and which of the planted faults it finds.

    python -m benchmarks.anomalies false-alarms     # five scenarios, 90 tested days each
    python -m benchmarks.anomalies planted          # faults planted into shops, found within their windows
    python -m benchmarks.anomalies dirty-data       # the faults of the scenario, against its ledger

Each part prints a table for docs/anomalies.md. Shops are kept in --cache, so that a second run is quick. The detector
was tuned on the seeds 1, 7 and 101. The figures in the page are from the seeds 104 to 107.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
from benchmarks import anomaly_dirty_data
from benchmarks.anomaly_faults import FAULTS, Found, look_for
from benchmarks.anomaly_shops import SCENARIOS, TESTED_DAYS, Shop, shop

import shopsim
from shoplake.quality.anomalies import budget
from shoplake.quality.anomalies.detector import detect, hits

SEEDS = (104,)
DIRTY_DAYS = 50


def false_alarms(scenarios: Sequence[str], seeds: Sequence[int], cache: Path) -> Iterator[str]:
    """A row per shop without faults: alarms with and without the calendar, and the stated number."""
    stated = budget.ALARMS_PER_WEEK * TESTED_DAYS / 7
    yield "| scenario | seed | events a day | series | alarms | alarms without the calendar | stated, at most |"
    yield "|---|---|---|---|---|---|---|"
    for name in scenarios:
        for seed in seeds:
            one = shop(name, seed, cache)
            known = detect(one.measures, one.first, one.end, announced=one.announced, time_zone=one.time_zone)
            unknown = detect(one.measures, one.first, one.end, time_zone=one.time_zone)
            yield (
                f"| {name} | {seed} | {events_per_day(one):,.0f} | {one.measures['series'].n_unique()} | {known.height}"
                f" | {unknown.height} | {stated:.1f} |"
            )


def events_per_day(one: Shop) -> float:
    """Events of all topics, per tested day."""
    topics = [f"rows:{name}" for name in ("customers", "products", "orders", "inventory", "clicks", "reviews")]
    rows = one.measures.filter(pl.col("series").is_in(topics) & (pl.col("hour") >= one.tested))
    return float(rows["value"].sum()) / TESTED_DAYS


def planted(scenarios: Sequence[str], seed: int, plantings: int, cache: Path) -> Iterator[str]:
    """A row per shop and fault: how many of the plantings were found, when, and by what."""
    yield "| scenario | events a day | fault | variant | window, h | found | by rows only | delay, h | found by |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name in scenarios:
        one = shop(name, seed, cache, events=True)
        returned = shopsim.load_scenario(name).returns.share
        clean = hits(one.measures, one.first, one.end, one.announced, time_zone=one.time_zone)
        for fault in FAULTS:
            found = [look_for(fault, one, clean, number, returned) for number in range(plantings)]
            yield (
                f"| {name} | {events_per_day(one):,.0f} | {fault.kind} | {fault.variant} | {fault.hours} |"
                f" {_ratio(found)} | {sum('rows' in each.kinds for each in found)}/{len(found)} | {_delay(found)} |"
                f" {', '.join(sorted(set().union(*(each.kinds for each in found))))} |"
            )


def _ratio(found: Sequence[Found]) -> str:
    return f"{sum(each.delay_h is not None for each in found)}/{len(found)}"


def _delay(found: Sequence[Found]) -> str:
    delays = [each.delay_h for each in found if each.delay_h is not None]
    return f"{statistics.median(delays):g}" if delays else ""


def dirty_data(seed: int) -> Iterator[str]:
    """Per kind of fault: recall and precision by record, and by episode of six hours."""
    records = anomaly_dirty_data.records(seed, DIRTY_DAYS)
    by_record = anomaly_dirty_data.scores(records)
    by_episode = anomaly_dirty_data.episodes(records, seed)
    yield f"{records.height:,} records of {DIRTY_DAYS} days, seed {seed}"
    yield ""
    yield (
        "| fault | records planted | recall | precision | noticed as any fault | episodes | found | alarms |"
        " of them true | delay, h |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for record, episode in zip(by_record, by_episode, strict=True):
        yield (
            f"| {record.fault} | {record.planted:,} | {_share(record.right, record.planted)} |"
            f" {_share(record.right, record.named)} | {_share(record.noticed, record.planted)} | {episode.planted} |"
            f" {episode.found} | {episode.alarms} | {episode.true} |"
            f" {'' if episode.delay_h is None else f'{episode.delay_h:g}'} |"
        )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.3f}" if whole else ""


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["false-alarms", "planted", "dirty-data"])
    parser.add_argument("--scenarios", nargs="+", default=list(SCENARIOS), choices=SCENARIOS)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--plantings", type=int, default=5, help="of each fault, at different times")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/shoplake-anomalies"))  # noqa: S108 - large files
    options = parser.parse_args()
    lines = {
        "false-alarms": lambda: false_alarms(options.scenarios, options.seeds, options.cache),
        "planted": lambda: planted(options.scenarios, options.seeds[0], options.plantings, options.cache),
        "dirty-data": lambda: dirty_data(options.seeds[0]),
    }
    for line in lines[options.part]():
        print(line, flush=True)


if __name__ == "__main__":
    main()
