"""Faults planted into a small simulated shop: the measure for each finds it, and without them all is silent."""

import datetime as dt
from collections.abc import Callable

import polars as pl
import pytest
from benchmarks.anomaly_shops import scaled, shortened, simulated

from shoplake.quality.anomalies import detect, measures
from shoplake.quality.anomalies.measure_sql import HOUR_MS

SEED = 21
OPENING_DAYS, LEARNING_DAYS, TESTED_DAYS = 7, 28, 18
STARTS_AT = 17
"""Hour of the day, UTC."""
Events = dict[str, pl.DataFrame]


class Shop:
    """A shop of less than two thousand events a day."""

    def __init__(self) -> None:
        scenario = scaled("demo", 0.2)
        opened = int(dt.datetime.combine(scenario.start, dt.time(), dt.UTC).timestamp()) // 3600
        self.first = opened + OPENING_DAYS * 24
        self.tested = self.first + LEARNING_DAYS * 24
        self.end = self.tested + TESTED_DAYS * 24
        windows = list(simulated(scenario, SEED, self.end))
        self.events: Events = {kind: pl.concat([one[kind] for one in windows]) for kind in windows[0]}
        self.events = {kind: shortened(frame) for kind, frame in self.events.items()}

    def alarms(self, events: Events) -> pl.DataFrame:
        before = {kind: frame.filter(pl.col("occurred_at_ms") < self.end * HOUR_MS) for kind, frame in events.items()}
        return detect(measures(before), self.first, self.end, time_zone="Europe/Berlin")


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop()


def within(start: int, hours: int) -> pl.Expr:
    return (pl.col("occurred_at_ms") // HOUR_MS).is_between(start, start + hours, closed="left")


def replaced(column: str, value: pl.Expr) -> Callable[[pl.DataFrame, pl.Expr], pl.DataFrame]:
    return lambda frame, inside: frame.with_columns(pl.when(inside).then(value).otherwise(pl.col(column)).alias(column))


def doubled(frame: pl.DataFrame, inside: pl.Expr) -> pl.DataFrame:
    again = frame.filter(inside).with_columns(pl.col("event_id") + "again")
    return pl.concat([frame, again])


CLICKS = ("session_started", "page_viewed", "search_performed", "product_viewed", "cart_item_added")
PAYMENTS = ("payment_authorised", "payment_captured")
# Day after the first tested one, hours, event types, change, series of which one has to find it.
FAULTS: dict[str, tuple[int, int, tuple[str, ...], Callable[[pl.DataFrame, pl.Expr], pl.DataFrame], str]] = {
    "topic stops": (4, 24, CLICKS, lambda frame, inside: frame.filter(~inside), "rows:session_started"),
    "third missing": (  # a tenth of so few sessions is none or one
        1,
        2,
        CLICKS,
        lambda frame, inside: frame.filter(~(inside & (pl.col("event_id").hash(5) % 3 == 0))),
        "orphans:click.session",
    ),
    "doubled source": (6, 6, CLICKS, doubled, "twins:clicks"),
    "currency mix-up": (8, 12, PAYMENTS, replaced("currency", pl.lit("USD")), "conflicts:payment.currency"),
    "price times 100": (
        10,
        6,
        ("cart_item_added",),
        replaced("unit_price_cents", pl.col("unit_price_cents") * 100),
        "conflicts:cart.price",
    ),
    "time-zone shift": (
        12,
        12,
        ("order_placed",),
        replaced("occurred_at_ms", pl.col("occurred_at_ms") + 2 * HOUR_MS),
        "misplaced:order.checkout",
    ),
    "null flood": (14, 6, ("session_started",), replaced("device", pl.lit(None)), "nulls:session_started.device"),
    "new enum value": (
        16,
        12,
        ("session_started",),
        replaced("referrer", pl.when(pl.col("event_id").hash(6) % 20 == 0).then(pl.lit("tv")).otherwise("referrer")),
        "unknown:session_started.referrer",
    ),
}


def test_the_shop_without_faults_is_within_the_stated_rate(shop: Shop) -> None:
    assert shop.alarms(shop.events).height <= TESTED_DAYS / 7


@pytest.fixture(scope="module")
def alarms(shop: Shop) -> pl.DataFrame:
    """Alarms of the shop with all faults, each on its own days."""
    events = dict(shop.events)
    for day, hours, kinds, change, _ in FAULTS.values():
        for kind in kinds:
            events[kind] = change(events[kind], within(shop.tested + day * 24 + STARTS_AT, hours))
    return shop.alarms(events)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_in_its_window_by_the_measure_that_is_for_it(
    shop: Shop, alarms: pl.DataFrame, name: str
) -> None:
    day, hours, _, _, series = FAULTS[name]
    start = shop.tested + day * 24 + STARTS_AT
    hit = alarms.filter((pl.col("first_end") > start) & (pl.col("first_end") <= start + hours + 1))
    assert series in hit["series"].to_list()
