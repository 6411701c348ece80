"""Hourly measures of a few events made by hand."""

from typing import Any

import polars as pl
import pytest

from shoplake.contract import EVENTS, columns_of
from shoplake.quality.anomalies import SCHEMA, measures
from shoplake.quality.anomalies.grid import grid, hours_of_week, mean_hour, trailing_mean
from shoplake.quality.anomalies.measure_sql import HOUR_MS

HOUR = 495_000
UNKNOWN, REPEATED = HOUR + 10, HOUR + 20
MINUTE_MS = 60_000


def events(kind: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """Events of one type; a field that is not given is null."""
    schema = columns_of(EVENTS[kind])
    filled = [
        dict.fromkeys(schema) | {"event_id": f"{kind}{number}", "occurred_at_ms": HOUR * HOUR_MS} | row
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(filled, schema=schema)


def value(measured: pl.DataFrame, series: str, hour: int = HOUR) -> tuple[float, float]:
    row = measured.filter((pl.col("series") == series) & (pl.col("hour") == hour))
    return float(row["value"].item()), float(row["weight"].item())


def session(number: int, **fields: Any) -> dict[str, Any]:
    return {"session_id": f"s{number}", "device": "mobile", "referrer": "direct"} | fields


def order(number: int, **fields: Any) -> dict[str, Any]:
    amounts = {"subtotal_cents": 1000, "discount_cents": 0, "shipping_cents": 100, "tax_cents": 0, "total_cents": 1100}
    known = {"order_id": f"o{number}", "customer_id": "c1", "session_id": "s1", "currency": "EUR", "lines": []}
    return known | amounts | fields


@pytest.fixture(scope="module")
def of_sessions() -> pl.DataFrame:
    """Measures of sessions; each test has hours of its own, because a call takes half a second."""
    return measures(
        {
            "session_started": events(
                "session_started",
                session(1),
                session(2, device="tablet"),
                session(3, occurred_at_ms=(HOUR + 2) * HOUR_MS),
                session(4, occurred_at_ms=UNKNOWN * HOUR_MS),
                session(5, occurred_at_ms=UNKNOWN * HOUR_MS, device="television"),
                *(session(6, occurred_at_ms=REPEATED * HOUR_MS, event_id=event_id) for event_id in ("a", "a")),
                *(session(7, occurred_at_ms=REPEATED * HOUR_MS, event_id=event_id) for event_id in ("b", "c")),
            )
        }
    )


def test_rows_nulls_and_values_are_counted_by_hour(of_sessions: pl.DataFrame) -> None:
    assert of_sessions.schema == SCHEMA
    assert value(of_sessions, "rows:session_started") == (2, 1)
    assert value(of_sessions, "rows:clicks", HOUR + 2) == (1, 1)
    assert value(of_sessions, "nulls:session_started.campaign") == (2, 2)
    assert value(of_sessions, "nulls:session_started.device") == (0, 2)
    assert value(of_sessions, "values:session_started.device=tablet") == (1, 1)


def test_a_value_that_the_contract_does_not_list_is_unknown(of_sessions: pl.DataFrame) -> None:
    assert value(of_sessions, "unknown:session_started.device", UNKNOWN) == (1, 2)
    assert value(of_sessions, "unknown:session_started.referrer", UNKNOWN) == (0, 2)
    assert value(of_sessions, "unknown:session_started.device") == (0, 2)


def test_a_repeated_id_is_a_duplicate_and_the_same_event_with_another_id_is_a_twin(of_sessions: pl.DataFrame) -> None:
    assert value(of_sessions, "duplicates:clicks", REPEATED) == (1, 4)
    assert value(of_sessions, "twins:clicks", REPEATED) == (2, 4)
    assert value(of_sessions, "duplicates:clicks") == (0, 2)


def test_an_order_without_its_checkout_is_an_orphan_and_one_that_is_far_from_it_is_misplaced() -> None:
    late = {"occurred_at_ms": HOUR * HOUR_MS + 2 * MINUTE_MS}
    measured = measures(
        {
            "order_placed": events("order_placed", order(1), order(2, **late), order(3)),
            "checkout_completed": events(
                "checkout_completed", *({"session_id": "s1", "order_id": f"o{number}"} for number in (1, 2))
            ),
        }
    )
    assert value(measured, "orphans:order.checkout") == (1, 3)
    assert value(measured, "misplaced:order.checkout") == (1, 3)
    assert value(measured, "orphans:order.session") == (1, 1)


def test_an_order_that_contradicts_its_customer_its_payment_or_itself_is_a_conflict() -> None:
    customer = {"customer_id": "c1", "currency": "EUR", "country": "DE"}
    payment = {"order_id": "o1", "customer_id": "c1", "payment_id": "p1", "amount_cents": 9, "currency": "EUR"}
    measured = measures(
        {
            "customer_registered": events("customer_registered", customer),
            "order_placed": events("order_placed", order(1), order(2, currency="GBP"), order(3, total_cents=7)),
            "payment_authorised": events("payment_authorised", payment | {"method": "card"}),
        }
    )
    assert value(measured, "conflicts:order.currency") == (1, 3)
    assert value(measured, "conflicts:order.total") == (1, 3)
    assert value(measured, "conflicts:payment.amount") == (1, 1)
    assert value(measured, "conflicts:payment.currency") == (0, 1)


def test_a_price_far_from_the_products_list_price_is_a_conflict() -> None:
    carts = [
        {"session_id": "s1", "product_id": "p", "quantity": 1, "unit_price_cents": price, "currency": "EUR"}
        for price in (500, 450, 520, 50_000)
    ]
    measured = measures(
        {
            "product_launched": events("product_launched", {"product_id": "p", "price_cents": 500, "currency": "EUR"}),
            "cart_item_added": events("cart_item_added", *carts),
        }
    )
    assert value(measured, "conflicts:cart.price") == (1, 4)
    assert value(measured, "sum:cart_item_added.unit_price_cents[EUR]")[0] == 51_470
    assert value(measured, "largest:cart_item_added.unit_price_cents[EUR]")[0] == 50_000


def test_the_events_of_no_type_are_no_measures_and_an_unknown_type_is_refused() -> None:
    assert measures({}).height == 0
    with pytest.raises(KeyError, match="order_lost"):
        measures({"order_lost": pl.DataFrame()})


def test_hours_without_rows_count_as_zero_and_as_unknown_for_shares() -> None:
    rows = [("rows:session_started", "rows", HOUR, 1.0, 1.0), ("nulls:session_started.device", "nulls", HOUR, 0.0, 1.0)]
    measured = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    laid = grid(measured, HOUR - 1, HOUR + 1, 1)
    counted, nulls = (laid.names.index(name) for name in ("rows:session_started", "nulls:session_started.device"))
    assert laid.value[counted].tolist() == [0, 1]
    assert laid.weight[counted].tolist() == [1, 1]
    assert laid.weight[nulls].tolist() == [0, 1]


def test_the_hour_of_the_week_follows_the_clocks_of_the_time_zone() -> None:
    friday = 495_624  # 2026-07-17 00:00 UTC
    assert hours_of_week(friday, friday + 1, "UTC").tolist() == [4 * 24]
    assert hours_of_week(friday, friday + 1, "Europe/Berlin").tolist() == [4 * 24 + 2]


def test_the_mean_hour_of_the_day_moves_with_the_times() -> None:
    import numpy as np

    cells = np.arange(24 * 21) % 168
    counts = np.where((cells % 24 >= 9) & (cells % 24 < 17), 10.0, 1.0)
    usual, rows = mean_hour(counts, cells, 24 * 14)
    later, _ = mean_hour(np.concatenate([counts[:336], np.roll(counts[336:], 2)]), cells, 24 * 14)
    assert usual[-1] == pytest.approx(0, abs=1e-9)
    assert later[-1] == pytest.approx(2, abs=0.2)
    assert rows[22] == 0
    assert rows[23] == counts[:24].sum()


def test_a_trailing_mean_does_not_see_the_present_hour() -> None:
    import numpy as np

    assert trailing_mean(np.array([4.0, 2.0, 6.0]), 2).tolist() == [0.0, 4.0, 3.0]
