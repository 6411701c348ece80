"""How long customers wait for their parcels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

import shopsim
from shoplake.report.charts import FIRST, SECOND, chart, number
from shoplake.report.panel import Panel

BIN_MS = 4 * 3_600_000
BINS = 90 * 6
SHOWN = 0.995

LEAVES, ARRIVES = "parcel leaves", "parcel arrives"


class Delays:
    """Keeps the orders that are on their way, and histograms of the others."""

    def __init__(self) -> None:
        self._open = pl.DataFrame(schema={"order_id": pl.String, "placed_ms": pl.Int64})
        self._waited = {LEAVES: np.zeros(BINS, dtype=np.int64), ARRIVES: np.zeros(BINS, dtype=np.int64)}

    def add(self, window: shopsim.Window) -> None:
        """Count a window."""
        placed = window["order_placed"].select("order_id", pl.col("occurred_at_ms").alias("placed_ms"))
        self._open = pl.concat([self._open, placed])
        for step, event_type in ((LEAVES, "order_shipped"), (ARRIVES, "order_delivered")):
            done = window[event_type].join(self._open, on="order_id")
            bins = ((done["occurred_at_ms"] - done["placed_ms"]) // BIN_MS).clip(0, BINS - 1).to_numpy()
            self._waited[step] += np.bincount(bins, minlength=BINS)
        ended = pl.concat([window["order_delivered"]["order_id"], window["order_cancelled"]["order_id"]])
        self._open = self._open.filter(~pl.col("order_id").is_in(ended.implode()))

    def panel(self) -> Panel:
        """Both distributions, from the order on."""
        arrived = self._waited[ARRIVES]
        if not arrived.any():
            return Panel("No parcel has arrived yet", "")
        end = _quantile(arrived, SHOWN) + 1
        rows = [
            {"step": step, "days": (n + 0.5) * BIN_MS / 86_400_000, "share": 100 * count / total}
            for step, counts in self._waited.items()
            if (total := counts.sum())
            for n, count in enumerate(counts[:end].tolist())
        ]
        colours = {"domain": list(self._waited), "range": [SECOND, FIRST]}
        encoding = {
            "x": number("days", "days after the order"),
            "y": number("share", "% of the parcels, per 4 hours", stack=None),
            "color": {"field": "step", "type": "nominal", "scale": colours},
        }
        area = {"mark": {"type": "area", "opacity": 0.35, "line": True, "aria": False}, "encoding": encoding}
        half, most = (_quantile(arrived, share) * BIN_MS / 86_400_000 for share in (0.5, 0.95))
        return Panel(
            f"Half of the parcels arrive within {half:.1f} days of the order, 95% within {most:.1f}",
            f"Of {arrived.sum():,} parcels that arrived; the slowest {100 - 100 * SHOWN:.1g}% are not drawn.",
            (chart(rows, area, height=300),),
        )


def _quantile(counts: npt.NDArray[np.int64], share: float) -> int:
    """The end of the bin in which it lies."""
    return int(np.searchsorted(np.cumsum(counts), counts.sum() * share)) + 1
