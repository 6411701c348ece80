"""Write an HTML page with charts of a simulated shop.

It simulates and counts in one pass, with constant memory, and draws the counts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import shopsim
from shoplake.errors import FileInTheWay, ShoplakeError, UsageError
from shoplake.report.charts import require_renderer
from shoplake.report.page import page
from shoplake.report.panel import Gatherer
from shoplake.report.panels.baskets import Baskets
from shoplake.report.panels.counts import Counts
from shoplake.report.panels.delays import Delays
from shoplake.report.panels.faults import Faults
from shoplake.report.panels.funnel import Funnel
from shoplake.report.panels.orders import Orders
from shoplake.report.panels.popularity import Popularity
from shoplake.report.panels.retention import Retention


def write(
    scenario: shopsim.Scenario,
    seed: int,
    events: int,
    out: Path,
    *,
    force: bool = False,
    watch: Callable[[int], None] | None = None,
) -> int:
    """Simulate a shop and write its page.

    Args:
        scenario: the shop.
        seed: of the simulation.
        events: how many at least; windows are taken whole.
        out: the file; its folder is made.
        force: replace it if it is there.
        watch: called after each window with the number of events so far.

    Returns:
        The number of events that the page is about.

    Raises:
        UsageError: the file is there, or is a folder, or the library that draws is missing.
        ShoplakeError: the file cannot be written.
    """
    if out.is_dir():
        raise UsageError(f"expected a file, found a folder: {out}", fix=f"--out {out / 'report.html'}")
    if out.exists() and not force:
        raise FileInTheWay(f"{out} already exists", fix="choose another file with --out, or add --force")
    require_renderer()
    counts = Counts(scenario)
    gatherers: list[Gatherer] = [
        Orders(scenario),
        Funnel(),
        Popularity(scenario),
        Baskets(scenario),
        Delays(),
        Retention(scenario),
        Faults(scenario, seed),
    ]
    for window in shopsim.simulate(scenario, seed):
        counts.add(window)
        for gatherer in gatherers:
            gatherer.add(window)
        if watch is not None:
            watch(counts.total)
        if counts.total >= events:
            break
    made = page(
        f"The shop ‘{scenario.name}’",
        f"{scenario.description}\nScenario {scenario.digest[:12]}, seed {seed}, simulator version {shopsim.VERSION}; "
        f"from {scenario.start}.",
        counts,
        [gatherer.panel() for gatherer in gatherers],
    )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(made, encoding="utf-8")
    except OSError as error:
        raise ShoplakeError(
            f"cannot write {out}: {error}", fix="choose a file that you can write to with --out"
        ) from error
    return counts.total
