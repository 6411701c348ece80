"""How unequally attention falls on products."""

from __future__ import annotations

import numpy as np
import polars as pl

import shopsim
from shoplake.report.charts import FIRST, SECOND, chart, magnitude, said
from shoplake.report.panel import Panel, percent

MOST_POINTS = 300


class Popularity:
    """Counts views per product: memory grows with the catalogue."""

    def __init__(self, scenario: shopsim.Scenario) -> None:
        self._zipf = scenario.catalogue.zipf
        self._views = pl.DataFrame(schema={"product_id": pl.String, "views": pl.UInt64})

    def add(self, window: shopsim.Window) -> None:
        """Count a window."""
        more = window["product_viewed"].group_by("product_id").agg(pl.len().cast(pl.UInt64).alias("views"))
        self._views = pl.concat([self._views, more]).group_by("product_id").agg(pl.col("views").sum())

    def panel(self) -> Panel:
        """Views over rank, both logarithmic, beside the law that the scenario asks for."""
        views = self._views["views"].sort(descending=True).to_numpy().astype(np.float64)
        if not len(views):
            return Panel("Nobody looked at a product", "")
        ranks = np.unique(np.geomspace(1, len(views), MOST_POINTS).astype(np.int64))
        law = np.arange(1, len(views) + 1, dtype=np.float64) ** -self._zipf
        law *= views.sum() / law.sum()
        rows = [
            {"rank": int(rank), "views": int(views[rank - 1]), "law": round(float(law[rank - 1]), 2)} for rank in ranks
        ]
        x = magnitude("rank", "rank of the product")
        points = {
            "mark": {"type": "point", "color": FIRST},
            "encoding": {
                "x": x,
                "y": magnitude("views", "views"),
                **said("'rank ' + datum.rank + ': ' + datum.views + ' views'"),
            },
        }
        line = {
            "mark": {"type": "line", "color": SECOND, "strokeDash": [5, 4], "aria": False},
            "encoding": {"x": x, "y": magnitude("law", "views")},
        }
        fifth = views[: max(1, len(views) // 5)].sum()
        return Panel(
            f"A fifth of the products gets {percent(fifth, views.sum())} of all views",
            f"Dashed: Zipf's law with the scenario's exponent, {self._zipf:g}. Where products come, go and change "
            "ranks, the dots run flatter at the top and fall off at the end.",
            (chart(rows, line, points, height=330),),
        )
