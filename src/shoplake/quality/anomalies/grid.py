"""Measures as arrays: one row per series, one column per hour, without gaps."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplake.contract import EVENTS, TOPIC_OF
from shoplake.quality.anomalies.tail_bounds import Floats

DAY_H, WEEK_H = 24, 168
COUNTS = ("rows", "sum")
"""Kinds that have a value in every hour; no row means 0."""
MEANS = ("log_mean", "hour_of_day")
FRACTIONS = (
    ("declined", "payment_declined", "payment_authorised"),
    ("cart_removals", "cart_item_removed", "cart_item_added"),
    ("conversion", "checkout_completed", "checkout_started"),
    ("searches", "search_performed", "product_viewed"),
)
"""Name, event whose share is measured, the other event."""
LARGEST = "largest"
"""Kind of the largest amounts of an hour: the scale of the sums, and not tested."""
TIMED = ("session_started", "order_placed", "customer_registered", "stock_reserved", "review_submitted")
"""Events whose hours of day are measured: of each topic the one that comes least in bursts."""
DELAYED = (
    ("returns", "order_returned", "order_delivered", 28),
    ("refunds", "payment_refunded", "order_delivered", 28),
    ("reviews", "review_submitted", "order_delivered", 28),
    ("cancellations", "order_cancelled", "order_placed", 7),
)
"""Name, event, the event that it follows some days later, days over which the latter is averaged."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Some series over the same hours.

    Attributes:
        names: of the series [series].
        kinds: of the series [series].
        pools: a series with little data takes the season of its pool [series].
        first: the first hour, counted since 1970.
        cells: hour of the week of each hour, from 0, in the shop's time zone [hours].
        value, weight: as in `measures.SCHEMA`; weight 0 where nothing is known [series, hours].
    """

    names: Sequence[str]
    kinds: Sequence[str]
    pools: Sequence[str]
    first: int
    cells: npt.NDArray[np.int64] = field(repr=False)
    value: Floats = field(repr=False)
    weight: Floats = field(repr=False)

    @property
    def hours(self) -> int:
        """Number of hours."""
        return int(self.value.shape[1])

    def of_kinds(self, kinds: Sequence[str]) -> Grid:
        """The series of some kinds."""
        chosen = [row for row, kind in enumerate(self.kinds) if kind in kinds]
        return Grid(
            [self.names[row] for row in chosen],
            [self.kinds[row] for row in chosen],
            [self.pools[row] for row in chosen],
            self.first,
            self.cells,
            self.value[chosen],
            self.weight[chosen],
        )


def hours_of_week(first: int, end: int, time_zone: str) -> npt.NDArray[np.int64]:
    """Hour of the week of each hour, from 0 (Monday at midnight), by the clocks of a time zone [hours]."""
    utc = pl.Series(np.arange(first, end) * 3_600_000).cast(pl.Datetime("ms", "UTC"))
    local = utc.dt.convert_time_zone(time_zone).dt
    found = (local.weekday().cast(pl.Int64) - 1) * DAY_H + local.hour().cast(pl.Int64)
    return np.asarray(found.to_numpy(), dtype=np.int64)


def grid(measures: pl.DataFrame, first: int, end: int, learned: int, time_zone: str = "UTC") -> Grid:
    """Lay measures out from hour `first` (included) to `end` (excluded), and add the measures made from others.

    The first `learned` hours say around which hour the day of a topic lies.

    It adds three kinds: `ratio` is the share of one event in two, and `delayed` counts an event in relation to those
    that it follows. `hour_of_day` is the mean hour of the events of the last 24 hours.
    """
    inside = measures.filter(pl.col("hour").is_between(first, end, closed="left"))
    series = inside.select("series", "kind").unique().sort("series")
    number = {name: row for row, name in enumerate(series["series"])}
    value = np.zeros((len(number), end - first))
    weight = np.zeros_like(value)
    if inside.height:
        rows = inside["series"].replace_strict(number, return_dtype=pl.Int64).to_numpy()
        columns = inside["hour"].to_numpy() - first
        value[rows, columns] = inside["value"].to_numpy()
        weight[rows, columns] = inside["weight"].to_numpy()
    names, kinds = series["series"].to_list(), series["kind"].to_list()
    for row, (name, kind) in enumerate(zip(names, kinds, strict=True)):
        if kind in COUNTS:
            weight[row] = 1.0
        elif kind == "values":  # an hour without the value has no row
            weight[row] = value[number[f"rows:{_subject(name)}"]]
    cells = hours_of_week(first, end, time_zone)
    counted = np.array([kind in COUNTS for kind in kinds], dtype=bool)
    value[counted, :learned] = without_bursts(value[counted, :learned], cells[:learned])
    base = Grid(names, kinds, [_pool(name) for name in names], first, cells, value, weight)
    return _with_derived(base, number, learned)


def _with_derived(base: Grid, number: dict[str, int], learned: int) -> Grid:
    names, kinds = list(base.names), list(base.kinds)
    values, weights = [base.value], [base.weight]

    def add(name: str, kind: str, value: Floats, weight: Floats) -> None:
        names.append(f"{kind}:{name}")
        kinds.append(kind)
        values.append(value[None, :])
        weights.append(weight[None, :])

    def rows(event: str) -> Floats | None:
        row = number.get(f"rows:{event}")
        return None if row is None else base.value[row]

    for name, event, other in FRACTIONS:
        counted, others = rows(event), rows(other)
        if counted is not None and others is not None:
            add(name, "ratio", counted, counted + others)
    for name, event, cause, days in DELAYED:
        counted, causes = rows(event), rows(cause)
        if counted is not None and causes is not None:
            add(name, "delayed", counted, trailing_mean(causes, days * DAY_H))
    for event in TIMED:
        counted = rows(event)
        if counted is not None:
            add(event, "hour_of_day", *mean_hour(counted, base.cells, learned))
    return Grid(
        names,
        kinds,
        [_pool(name) for name in names],
        base.first,
        base.cells,
        np.concatenate(values),
        np.concatenate(weights),
    )


def without_bursts(counts: Floats, cells: npt.NDArray[np.int64]) -> Floats:
    """Counts of the days of learning, capped at a multiple of the median of their hour of the week [series, hours].

    The first load of a new shop, such as all customers at once, is not part of its season.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # series without events
        typical = np.nan_to_num(np.nanmedian(np.where(counts > 0, counts, np.nan), axis=1))[:, None]
    capped = counts.copy()
    for cell in range(WEEK_H):
        same = cells == cell
        if not same.any():
            continue
        median = np.median(counts[:, same], axis=1, keepdims=True)
        capped[:, same] = np.minimum(counts[:, same], 3 * median + 10 * typical)
    return capped


def trailing_mean(counts: Floats, hours: int) -> Floats:
    """Mean per hour of the hours before each hour; over fewer at the start, 0 in the first [hours]."""
    total = np.concatenate([[0.0], np.cumsum(counts)])
    at = np.arange(len(counts))
    start = np.maximum(at - hours, 0)
    return np.asarray((total[at] - total[start]) / np.maximum(at - start, 1), dtype=np.float64)


def mean_hour(counts: Floats, cells: npt.NDArray[np.int64], learned: int) -> tuple[Floats, Floats]:
    """How late in the day the rows of the last 24 hours are, in hours, and their number.

    It is the mean sine of the distance from the usual hour, in units of the mean cosine in the `learned` hours. If all
    times move by some hours, it moves by about as many, whatever the shape of the day. It is a mean of bounded values.
    The angle of their sum is not: it jumps if the day has no clear peak.
    """
    angle = 2 * np.pi * (cells % DAY_H) / DAY_H
    early = counts[:learned]
    usual = np.arctan2((early * np.sin(angle[:learned])).sum(), (early * np.cos(angle[:learned])).sum())
    concentration = (early * np.cos(angle[:learned] - usual)).sum() / max(float(early.sum()), 1.0)
    rows = trailing_sum(counts, DAY_H)
    late = trailing_sum(counts * np.sin(angle - usual), DAY_H) / np.maximum(rows, 1.0)
    rows[: DAY_H - 1] = 0.0  # not yet a whole day
    return np.asarray(late / max(float(concentration), 0.05) * DAY_H / (2 * np.pi), dtype=np.float64), rows


def trailing_sum(values: Floats, hours: int) -> Floats:
    """Sum over the last hours, including the present one; along the last axis."""
    total = np.cumsum(values, axis=-1)
    before = np.zeros_like(total)
    before[..., hours:] = total[..., :-hours]
    return np.asarray(total - before, dtype=np.float64)


def _subject(name: str) -> str:
    """`values:order_placed.currency=EUR` -> `order_placed`."""
    return name.partition(":")[2].partition(".")[0]


def _pool(name: str) -> str:
    """Counts of a topic have their season in common; every other series has its own."""
    kind, _, what = name.partition(":")
    event = what.partition(".")[0]
    if kind in COUNTS:
        return TOPIC_OF[event].name if event in EVENTS else event
    return name
