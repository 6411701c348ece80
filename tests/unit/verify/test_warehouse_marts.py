"""The marts of the warehouse, in the SQL of verify."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from .conftest import PLACED, SESSION, Fold, added

LAUNCH = {"product_id": "p1", "name": "Mug", "category": "kitchen", "price_cents": 900, "currency": "EUR"}


def at(text: str) -> dict[str, int]:
    """The field of an event that happened at this time (ISO 8601, UTC)."""
    return {"occurred_at_ms": round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)}


def money(kind: str, payment: str, cents: int, when: str, **more: str) -> tuple[str, dict[str, Any]]:
    fields = {"order_id": "o1", "customer_id": "c1", "payment_id": payment, "amount_cents": cents}
    return f"payment_{kind}", {**fields, **at(when), **more}


def placed(order: str, customer: str, when: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "order_placed", {**PLACED, "order_id": order, "customer_id": customer, **at(when), **more}


def test_the_calendar_has_all_days_of_the_months_between_the_first_and_the_last_event(gold: Fold) -> None:
    rows = gold(
        "dim_dates",
        orders=[placed("o1", "c1", "2024-12-31T23:59:59.999"), placed("o2", "c1", "2024-11-30T00:00")],
        clicks=[("session_started", {**SESSION, **at("2025-01-01T00:00")})],
    )
    days = {row["date_day"]: row for row in rows}
    assert [*days] == [date(2024, 11, 1) + timedelta(days=n) for n in range(30 + 31 + 31)]
    assert list(rows[0]) == [
        "date_day", "year", "quarter", "month", "month_start", "iso_year", "iso_week", "weekday", "is_weekend",
        "holiday_in",
    ]  # fmt: skip
    assert [tuple(days[date(*day)].values())[1:] for day in ((2024, 12, 29), (2024, 12, 30), (2025, 1, 1))] == [
        (2024, 4, 12, date(2024, 12, 1), 2024, 52, 7, True, None),
        (2024, 4, 12, date(2024, 12, 1), 2025, 1, 1, False, None),
        (2025, 1, 1, date(2025, 1, 1), 2025, 1, 3, False, "DE, ES, FR, GB, IT, JP, NL, PL, SE, US"),
    ]
    assert days[date(2024, 11, 11)]["holiday_in"] == "FR, PL, US"


def test_a_build_without_events_has_no_days(gold: Fold) -> None:
    assert gold("dim_dates") == []


def test_revenue_is_of_the_day_on_which_the_money_moved(gold: Fold) -> None:
    rows = gold(
        "revenue_daily",
        orders=[
            money("captured", "y1", 100, "2024-01-01T10:00", currency="EUR"),
            money("captured", "y1", 20, "2024-01-01T23:59:59.999"),
            money("captured", "y2", 7, "2024-01-01T01:00", currency="EUR"),
            money("refunded", "y1", 30, "2024-01-02T00:00"),
            money("captured", "y1", 0, "2024-01-03T00:00"),
            money("charged_back", "y2", 5, "2024-01-01T12:00", currency="EUR", reason="fraud"),
            money("refunded", "y3", 9, "2024-01-01T12:00"),
            money("authorised", "y4", 1, "2024-01-09T12:00", currency="EUR", method="card"),
        ],
    )
    columns = ("captured_cents", "refunded_cents", "charged_back_cents", "net_cents", "payments")
    assert [(row["revenue_on"].day, row["currency"], *(row[name] for name in columns)) for row in rows] == [
        (1, "EUR", 127, 0, 5, 122, 2),
        (1, "XXX", 0, 9, 0, -9, 0),
        (2, "EUR", 0, 30, 0, -30, 0),
        (3, "EUR", 0, 0, 0, 0, 1),
    ]
    in_euros = [name.replace("cents", "eur_cents") for name in columns[:-1]]
    assert list(rows[0]) == ["revenue_on", "currency", *columns, *in_euros]


def test_revenue_in_euros_is_rounded_by_day_and_currency(gold: Fold) -> None:
    def captured(payment: str, cents: int, currency: str) -> tuple[str, dict[str, Any]]:
        return money("captured", payment, cents, "2024-01-01", currency=currency)

    rows = gold(
        "revenue_daily",
        orders=[
            *(captured(f"y{n}", 1, "GBP") for n in range(43)),  # half a euro in pence: each of them would be one cent
            money("refunded", "y1", 2, "2024-01-01", currency="GBP"),  # 2.33 cents
            money("charged_back", "y1", 5, "2024-01-01", currency="GBP", reason="fraud"),  # 5.81 cents
            captured("z1", 7, "EUR"), captured("z2", 300, "JPY"), captured("z3", 9, "XXX"), captured("z4", 9, "CHF"),
            captured("z5", 28, "SEK"),  # 2.5 cents
        ],
    )  # fmt: skip
    assert {row["currency"]: tuple(row[f"{name}_eur_cents"] for name in PARTS) for row in rows} == {
        "CHF": (None, None, None, None),
        "EUR": (7, 0, 0, 7),
        "GBP": (50, 2, 6, 42),
        "JPY": (183, 0, 0, 183),
        "SEK": (3, 0, 0, 3),
        "XXX": (None, None, None, None),
    }


PARTS = ("captured", "refunded", "charged_back", "net")


def test_the_funnel_counts_sessions_that_reached_at_least_a_step(gold: Fold) -> None:
    def session(name: str, *events: tuple[str, dict[str, Any]], **start: Any) -> list[tuple[str, dict[str, Any]]]:
        return [
            (kind, {**fields, "session_id": name}) for kind, fields in (("session_started", SESSION | start), *events)
        ]

    completed = ("checkout_completed", {"order_id": "o1"})
    rows = gold(
        "funnel_daily",
        clicks=[
            *session("s1"),
            *session("s2", completed),
            *session("s3", ("product_viewed", {"product_id": "p1"})),
            *session("s4", added("p1", 1, 1), ("checkout_started", {}), campaign="spring"),
            ("page_viewed", {"session_id": "s5", "page": "home"}),
        ],
    )
    day = {"started_on": date(2024, 1, 1)}
    assert rows == [
        {
            **day, "campaign": "none", "device": "mobile", "sessions": 3, "viewed": 2, "carted": 1, "checkout": 1,
            "ordered": 1,
        },
        {
            **day, "campaign": "none", "device": "none", "sessions": 1, "viewed": 0, "carted": 0, "checkout": 0,
            "ordered": 0,
        },
        {
            **day, "campaign": "spring", "device": "mobile", "sessions": 1, "viewed": 1, "carted": 1, "checkout": 1,
            "ordered": 0,
        },
    ]  # fmt: skip


def test_cohorts_count_calendar_months_over_the_end_of_a_year(gold: Fold) -> None:
    rows = gold(
        "cohort_retention",
        orders=[
            placed("o2", "c1", "2024-02-01T00:00"),  # late: the first order in the log is not the first in time
            placed("o1", "c1", "2023-11-30T23:59:59.999"),
            placed("o3", "c1", "2024-02-29T12:00"),
            placed("o1", "c2", "2023-11-01T00:00"),
            placed("o2", "c2", "2025-11-15T00:00"),
            placed("o1", "c3", "2024-02-03T00:00"),
            ("order_cancelled", {"order_id": "o9", "customer_id": "c4", "reason": "requested"}),
        ],
    )
    november = {"cohort_month": date(2023, 11, 1), "cohort_customers": 2}
    assert rows == [
        {**november, "month_number": 0, "customers": 2},
        {**november, "month_number": 3, "customers": 1},
        {**november, "month_number": 24, "customers": 1},
        {"cohort_month": date(2024, 2, 1), "month_number": 0, "customers": 1, "cohort_customers": 1},
    ]
    assert list(rows[0]) == ["cohort_month", "month_number", "customers", "cohort_customers"]


def test_the_value_of_a_customer_is_per_currency_and_of_placed_orders(gold: Fold) -> None:
    rows = gold(
        "customer_value",
        orders=[
            placed("o1", "c1", "2024-01-03T00:00"),
            placed("o2", "c1", "2024-01-01T00:00"),
            placed("o3", "c1", "2024-01-02T00:00", currency="EUR"),
            ("order_cancelled", {"order_id": "o2", "customer_id": "c1", "reason": "requested"}),
            money("captured", "y1", 50, "2024-01-03T01:00"),
            money("refunded", "y1", 20, "2024-01-03T02:00"),
            ("payment_captured", {"order_id": "o7", "customer_id": "c1", "payment_id": "y9", "amount_cents": 999}),
        ],
    )
    nothing = {"captured_cents": 0, "refunded_cents": 0, "charged_back_cents": 0, "net_cents": 0}
    nothing |= dict.fromkeys(("recency_score", "frequency_score", "monetary_score"), 1)  # the only customer
    assert rows == [
        {
            "customer_id": "c1", "currency": "EUR", "orders": 1, "cancelled_orders": 0,
            "first_placed_at": datetime(2024, 1, 2), "last_placed_at": datetime(2024, 1, 2), **nothing,
        },
        {
            "customer_id": "c1", "currency": "GBP", "orders": 2, "cancelled_orders": 1,
            "first_placed_at": datetime(2024, 1, 1), "last_placed_at": datetime(2024, 1, 3),
            **nothing, "captured_cents": 50, "refunded_cents": 20, "net_cents": 30,
        },
    ]  # fmt: skip


@pytest.mark.parametrize("customers", [1, 2, 5, 7, 11, 13])
def test_scores_divide_the_customers_of_a_currency_into_fifths(gold: Fold, customers: int) -> None:
    """Customer n has the n-th place by the time of the last order, and the last but n by money. All have one order."""
    days = range(customers)
    rows = gold(
        "customer_value",
        orders=[
            placed("o0", "c99", "2024-05-01", currency="EUR"),  # of another currency
            *(placed("o1", f"c{n:02}", f"2024-01-{n + 1:02}") for n in days),
            *(money("captured", "y1", 1000 - n, "2024-02-01", customer_id=f"c{n:02}", currency="GBP") for n in days),
        ],
    )
    scores = [tuple(row[f"{name}_score"] for name in ("recency", "frequency", "monetary")) for row in rows]
    assert scores.pop() == (1, 1, 1)
    sizes = [customers // 5 + (group < customers % 5) for group in range(5)]
    rising = [group for group, size in enumerate(sizes, 1) for _ in range(size)]
    assert scores == list(zip(rising, rising, reversed(rising), strict=True))


def test_products_are_all_that_any_table_names(gold: Fold) -> None:
    review = {"customer_id": "c1", "order_id": "o1", "rating": 4, "title": "", "body": ""}
    twice = [{"product_id": "p2", "quantity": n, "unit_price_cents": 1} for n in (3, 4)]
    rows = gold(
        "product_performance",
        products=[("product_launched", LAUNCH), ("product_launched", {**LAUNCH, "name": "Cup"})],
        orders=[placed("o1", "c1", "2024-01-01", lines=twice), placed("o1", "c2", "2024-01-01", lines=twice[:1])],
        clicks=[
            ("product_viewed", {"session_id": "s1", "product_id": "p1"}),
            ("product_viewed", {"session_id": "s1", "product_id": "p3"}),
            added("p4", 5, 1),
            ("cart_item_removed", {"session_id": "s1", "product_id": "p9"}),
        ],
        inventory=[
            (kind, {"product_id": product, "warehouse_id": "w1", "order_id": "o1", "quantity": 3})
            for kind, product in (
                *(("stock_returned", "p1"), ("stock_returned", "p1"), ("stock_returned", "p6")),
                *(("stock_shipped", "p1"), ("stock_shipped", "p7")),
            )
        ],
        reviews=[
            ("review_submitted", {**review, "review_id": "r1", "product_id": "p5"}),
            ("review_submitted", {**review, "review_id": "r2", "product_id": "p1"}),
            ("review_submitted", {**review, "review_id": "r3", "product_id": "p1", "rating": 1}),
            ("review_submitted", {**review, "review_id": "r4", "product_id": "p1", "rating": 5}),
            ("review_removed", {
                "review_id": "r2", "product_id": "p1", "customer_id": "c1", "rating": 4, "reason": "spam",
            }),
        ],
    )  # fmt: skip
    assert [tuple(row.values()) for row in rows] == [
        ("p1", "Cup", "kitchen", 1, 0, 0, 0, 6, 2, 6),
        ("p2", None, None, 0, 0, 2, 10, 0, 0, 0),
        ("p3", None, None, 1, 0, 0, 0, 0, 0, 0),
        ("p4", None, None, 0, 1, 0, 0, 0, 0, 0),
        ("p5", None, None, 0, 0, 0, 0, 0, 1, 4),
        ("p6", None, None, 0, 0, 0, 0, 3, 0, 0),
    ]
    assert list(rows[0]) == [
        "product_id", "name", "category", "views", "cart_adds", "orders", "units_ordered", "units_returned", "reviews",
        "rating_sum",
    ]  # fmt: skip


def test_stock_health_is_that_of_the_last_day(gold: Fold) -> None:
    def moved(kind: str, quantity: int, when: str) -> tuple[str, dict[str, Any]]:
        return kind, {"product_id": "p1", "warehouse_id": "w1", "order_id": "o1", "quantity": quantity, **at(when)}

    rows = gold(
        "stock_health",
        inventory=[
            moved("stock_received", 10, "2024-01-05"), moved("stock_reserved", 4, "2024-01-02"),
            moved("stock_shipped", 3, "2024-01-02"), moved("stock_shipped", 7, "2024-01-09"),
            moved("stock_returned", 1, "2024-01-12"),
        ],
    )  # fmt: skip
    assert rows == [
        {
            "product_id": "p1", "warehouse_id": "w1", "on_hand": 1, "reserved_units": -6, "available": 7,
            "shipped_total": 10, "stock_out_days": 2, "first_moved_on": date(2024, 1, 2),
            "last_moved_on": date(2024, 1, 12),
        }
    ]  # fmt: skip


def test_delivery_is_of_the_day_of_the_shipment(gold: Fold) -> None:
    def step(kind: str, shipment: str, when: str, **more: str) -> tuple[str, dict[str, Any]]:
        return kind, {"order_id": "o1", "customer_id": "c1", "shipment_id": shipment, **at(when), **more}

    rows = gold(
        "delivery_performance",
        orders=[
            step("order_shipped", "h1", "2024-01-01T23:00", carrier="dhl"),
            step("order_delivered", "h1", "2024-01-03T23:00:01"),
            step("order_returned", "h1", "2024-01-09", reason="damaged"),
            step("order_shipped", "h2", "2024-01-01T01:00", carrier="dhl"),
            step("order_delivered", "h2", "2024-01-01T01:00:10"),
            step("order_shipped", "h3", "2024-01-01", carrier="ups"),
            step("order_delivered", "h4", "2024-01-01"),
        ],
    )
    day = {"shipped_on": date(2024, 1, 1)}
    assert rows == [
        {
            **day, "carrier": "dhl", "shipments": 2, "delivered": 2, "returned": 1,
            "delivery_seconds_total": 172_811, "slowest_delivery_seconds": 172_801,
        },
        {
            **day, "carrier": "ups", "shipments": 1, "delivered": 0, "returned": 0, "delivery_seconds_total": 0,
            "slowest_delivery_seconds": 0,
        },
    ]  # fmt: skip
