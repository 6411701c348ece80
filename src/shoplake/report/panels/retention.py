"""Who comes back: the share of each week's new customers that visits in the weeks after."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

import shopsim
from shoplake.report.charts import FAINT, FIRST, Spec, category, chart, said, shade
from shoplake.report.panel import Panel, percent
from shoplake.terminal import counted

WEEK_MS = 7 * 24 * 3_600_000
WEEKS = 26
MOST_CUSTOMERS = 20_000
WITH_NUMBERS = 12


class Retention:
    """Follows a sample of at most `MOST_CUSTOMERS` customers, drawn by their ids."""

    def __init__(self, scenario: shopsim.Scenario) -> None:
        self._start_ms = self._end_ms = scenario.start_ms
        self._one_in = 1
        # A customer is known by the hash of the id, which also says who is in the sample.
        self._customers = pl.DataFrame(schema={"customer": pl.UInt64, "registered_ms": pl.Int64})
        self._visited = pl.DataFrame(schema={"customer": pl.UInt64, "registered_ms": pl.Int64, "age": pl.Int64})

    def add(self, window: shopsim.Window) -> None:
        """Count a window."""
        customer = pl.col("customer_id").hash(0).alias("customer")
        new = window["customer_registered"].select(customer, pl.col("occurred_at_ms").alias("registered_ms"))
        new = new.filter(pl.col("registered_ms") < self._start_ms + WEEKS * WEEK_MS)
        self._customers = self._sampled(pl.concat([self._customers, new]))
        while self._customers.height > MOST_CUSTOMERS:
            self._one_in *= 2
            self._customers, self._visited = self._sampled(self._customers), self._sampled(self._visited)
        age = (pl.col("occurred_at_ms") - pl.col("registered_ms")) // WEEK_MS
        came = window["session_started"].drop_nulls("customer_id").select(customer, "occurred_at_ms")
        seen = came.join(self._customers, on="customer").select("customer", "registered_ms", age.alias("age"))
        self._visited = pl.concat([self._visited, seen.filter(pl.col("age") < WEEKS)]).unique()
        self._end_ms = window.end_ms

    def _sampled(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.filter(pl.col("customer") % self._one_in == 0)

    def _cohort(self, frame: pl.DataFrame) -> npt.NDArray[np.int64]:
        cohort: npt.NDArray[np.int64] = (frame["registered_ms"].to_numpy() - self._start_ms) // WEEK_MS
        return cohort

    def panel(self) -> Panel:
        """A cell per cohort and week that is over for all of the cohort."""
        weeks = min(WEEKS, (self._end_ms - self._start_ms) // WEEK_MS)
        sizes = np.bincount(self._cohort(self._customers), minlength=WEEKS)
        back = np.zeros((WEEKS, WEEKS), dtype=np.int64)
        np.add.at(back, (self._cohort(self._visited), self._visited["age"].to_numpy()), 1)
        rows = [
            {
                "cohort": cohort + 1,
                "age": age,
                "customers": int(sizes[cohort]),
                "share": round(float(back[cohort, age] / sizes[cohort]), 3),
            }
            for cohort in range(weeks - 1)
            for age in range(weeks - cohort - 1)
            if sizes[cohort]
        ]
        if not rows:
            return Panel("Two weeks are needed to see who comes back", "")
        first, later = rows[0]["share"], rows[weeks - 2]["share"]
        title = f"{percent(first, 1)} of the first week's customers visit within seven days of signing up"
        if weeks > 2:
            title += f", {percent(later, 1)} {counted(weeks - 2, 'week')} later"
        sample = "" if self._one_in == 1 else f" Of a sample of one customer in {self._one_in}."
        note = "Customers with at least one session, by week of signing up; the first week holds all that were there."
        return Panel(title, note + sample, (_grid(rows, weeks),))


def _grid(rows: list[dict[str, Any]], weeks: int) -> Spec:
    most = max(row["share"] for row in rows) or 1
    place = {
        "x": category("age", "weeks since signing up", range(weeks - 1)),
        "y": category("cohort", "week of signing up", range(1, weeks)),
    }
    words = (
        "'week ' + datum.cohort + ', ' + datum.age + ' later: ' + format(datum.share, '.0%') + ' of ' + datum.customers"
    )
    cells = {
        "mark": {"type": "rect", "color": FIRST, "stroke": FAINT, "strokeWidth": 0.2},
        "encoding": {
            **place,
            "opacity": shade("share", most),
            **said(words),
        },
    }
    layers: list[Spec] = [cells]
    if weeks <= WITH_NUMBERS:
        text = {"field": "share", "type": "quantitative", "format": ".0%"}
        layers.append({"mark": {"type": "text", "aria": False}, "encoding": {**place, "text": text}})
    return chart(rows, *layers, height=max(120, min(330, 44 * (weeks - 1))))
