"""Alarms: windows of one series beyond a threshold, merged where they touch."""

from __future__ import annotations

import polars as pl

QUIET_H = 24
"""Windows of a series less than this number of hours apart are one alarm."""

ALARMS = pl.Schema(
    [
        ("series", pl.String),
        ("kind", pl.String),
        ("start", pl.Int64),
        ("first_end", pl.Int64),
        ("end", pl.Int64),
        ("observed", pl.Float64),
        ("expected", pl.Float64),
        ("weight", pl.Float64),
        ("score", pl.Float64),
    ]
)
"""Columns of an alarm.

Hours are counted since 1970. The window with the highest score begins with `start`. The first window beyond the
threshold ended at `first_end`, the last one at `end`, both excluded. `observed` and `expected` are those of the highest
score: counts, for a share those of the rows of `weight`, for a mean the mean. `score` is 1 at the threshold.
"""

HITS = pl.Schema([(name, kind) for name, kind in ALARMS.items() if name != "first_end"])
"""Columns of a window beyond a threshold, before windows are merged."""


def merged(hits: pl.DataFrame) -> pl.DataFrame:
    """One row per alarm, by time."""
    if not hits.height:
        return pl.DataFrame(schema=ALARMS)
    ordered = hits.sort("series", "end", "start")
    gap = pl.col("end") - pl.col("end").shift(1).over("series") > QUIET_H
    number = gap.fill_null(True).cum_sum().over("series")
    best = pl.col("score").arg_max()
    return (
        ordered.with_columns(number=number)
        .group_by("series", "kind", "number")
        .agg(
            pl.col("end").min().alias("first_end"),
            pl.col("start").get(best),
            pl.col("end").max().alias("end"),
            pl.col("observed", "expected", "weight").get(best),
            pl.col("score").max(),
        )
        .select(*ALARMS.names())
        .sort("first_end", "series")
    )
