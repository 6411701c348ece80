"""Measure a run of all checks: how long it reads the stores, and how long it evaluates.

`python -m benchmarks.quality` needs a stack with events (`shoplake demo --events 1000000`). The limit of a run is
reading, because each store is read once, whatever the number of checks.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass

from shoplake.environments import connect
from shoplake.quality import run, workspace
from shoplake.quality.evaluation import Evaluation
from shoplake.quality.map_facts import facts_of
from shoplake.settings import Settings

ROUNDS = 3


@dataclass(frozen=True)
class Round:
    """One run.

    Attributes:
        reading: system -> seconds until its rows are in the workspace.
        evaluating: seconds for all checks.
        results: number of results by outcome.
    """

    reading: dict[str, float]
    evaluating: float
    results: dict[str, int]

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return sum(self.reading.values()) + self.evaluating


def measured(settings: Settings, environment: str) -> Round:
    """Read every store that has checks, then evaluate all checks."""
    found = run.collected()
    facts = facts_of(found.keys, [check.dataset for check in found.checks])
    checks = run.without_warehouse(found.checks, environment)
    by_dataset: dict[str, list[run.Check]] = {}
    for check in checks:
        by_dataset.setdefault(check.dataset, []).append(check)
    reading: dict[str, float] = {}
    results = dict.fromkeys(("passed", "warned", "failed", "unknown"), 0)
    with workspace.opened(settings, environment, lambda _: None) as opened:
        for system in dict.fromkeys(name.partition(".")[0] for name in by_dataset):
            begun = time.perf_counter()
            opened.read(system)
            reading[system] = time.perf_counter() - begun
        begun = time.perf_counter()
        evaluation = Evaluation(opened, facts)
        for of_dataset in by_dataset.values():
            for result in evaluation.results(of_dataset):
                results[result.outcome] += 1
        evaluating = time.perf_counter() - begun
    return Round(reading, evaluating, results)


def main() -> None:
    """Print the median of some rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--env", default="local", help="environment to use")
    given = parser.parse_args()
    settings = connect(given.env, ())
    rounds = [measured(settings, given.env) for _ in range(given.rounds)]
    middle = sorted(rounds, key=lambda one: one.seconds)[len(rounds) // 2]
    print(f"checks: {middle.results}")
    for system, seconds in middle.reading.items():
        print(f"  read {system:<10} {seconds:6.2f} s")
    print(f"  evaluate        {middle.evaluating:6.2f} s")
    share = sum(middle.reading.values()) / middle.seconds
    spread = f"{min(one.seconds for one in rounds):.2f} to {max(one.seconds for one in rounds):.2f}"
    print(f"total {statistics.median(one.seconds for one in rounds):.2f} s ({spread}); {share:.0%} of it is reading")


if __name__ == "__main__":
    main()
