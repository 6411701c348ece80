"""Gold tables with a few rows, whose metrics are worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from shoplake.warehouse.metrics import definitions
from shoplake.warehouse.metrics.definitions import Definitions

GOLD = {
    # o1 of c1 has two payments, o1 of c2 is another order, the customer of o3 is not known, o4 was never placed.
    "fct_orders": """
        (VALUES
            ('o1', 'c1', 's1', 'EUR', DATE '2026-08-31', 1000::BIGINT, 'DE', 'regular', 'paid'),
            ('o2', 'c1', 's2', 'EUR', DATE '2026-09-01', 3000, 'DE', 'regular', 'placed'),
            ('o1', 'c2', 's3', 'GBP', DATE '2026-09-01', 500, 'GB', 'loyal', 'paid'),
            ('o3', 'c3', NULL, 'EUR', DATE '2026-09-30', 700, NULL, NULL, 'placed'),
            ('o4', 'c4', NULL, NULL, NULL, NULL, NULL, NULL, 'paid')
        ) AS t(order_id, customer_id, session_id, currency, placed_on, total_cents, country, segment, status)
    """,
    "fct_payments": """
        (VALUES
            ('p1', 'c1', 'o1', 'EUR', 'card', 600::BIGINT, 250::BIGINT, 0::BIGINT,
                TIMESTAMP '2026-08-31 23:59:59.999', TIMESTAMP '2026-09-01 00:00:00', NULL::TIMESTAMP),
            ('p2', 'c1', 'o1', 'EUR', 'transfer', 400, 0, 100, '2026-09-01 00:00:00', NULL, '2026-09-30 23:59:59.999'),
            ('p1', 'c2', 'o1', 'GBP', 'card', 500, 0, 0, '2026-09-01 12:00:00', NULL, NULL),
            ('p3', 'c4', 'o4', NULL, 'card', 90, 0, 0, '2026-09-02 08:00:00', NULL, NULL),
            ('p4', 'c1', 'o2', 'EUR', 'card', 0, 0, 0, NULL, NULL, NULL)
        ) AS t(payment_id, customer_id, order_id, currency, method, captured_cents, refunded_cents, charged_back_cents,
            captured_at, refunded_at, charged_back_at)
    """,
    "fct_sessions": """
        (VALUES
            ('s1', DATE '2026-08-31', 'summer', 'phone', 'search', 'ordered'),
            ('s2', DATE '2026-09-01', NULL, 'phone', 'search', 'ordered'),
            ('s3', DATE '2026-09-01', NULL, NULL, NULL, 'ordered'),
            ('s4', DATE '2026-09-01', NULL, 'phone', 'direct', 'viewed'),
            ('s5', DATE '2026-09-01', 'summer', 'desktop', 'direct', 'visited')
        ) AS t(session_id, started_on, campaign, device, referrer, step)
    """,
    # The return of h3 has arrived before its shipment.
    "fct_shipments": """
        (VALUES
            ('h1', 'c1', 'o1', 'dhl', TIMESTAMP '2026-09-01 08:00:00', TIMESTAMP '2026-09-05 08:00:00'),
            ('h2', 'c1', 'o2', 'dhl', '2026-09-02 08:00:00', NULL),
            ('h1', 'c2', 'o1', 'ups', '2026-09-02 08:00:00', NULL),
            ('h3', 'c3', 'o3', NULL, NULL, '2026-09-03 08:00:00')
        ) AS t(shipment_id, customer_id, order_id, carrier, shipped_at, returned_at)
    """,
    "fct_inventory_daily": """
        (VALUES
            ('k1', 'w1', DATE '2026-09-01', 5), ('k1', 'w1', DATE '2026-09-02', 0), ('k1', 'w2', DATE '2026-09-02', -1),
            ('k2', 'w1', DATE '2026-09-02', 3)
        ) AS t(product_id, warehouse_id, moved_on, on_hand)
    """,
    # The money of fct_payments. The rate of the pound is 0.86.
    "revenue_daily": """
        (VALUES
            (DATE '2026-08-31', 'EUR', 600::BIGINT), (DATE '2026-09-01', 'EUR', 150), (DATE '2026-09-01', 'GBP', 581),
            (DATE '2026-09-02', 'XXX', NULL), (DATE '2026-09-30', 'EUR', -100)
        ) AS t(revenue_on, currency, net_eur_cents)
    """,
    "product_performance": "(VALUES ('k1', 'Garden'), ('k3', 'Toys')) AS t(product_id, category)",
    "cohort_retention": """
        (VALUES
            (DATE '2026-07-01', 0, 10::BIGINT, 10::BIGINT), (DATE '2026-07-01', 1, 4, 10), (DATE '2026-08-01', 0, 6, 6)
        ) AS t(cohort_month, month_number, customers, cohort_customers)
    """,
}


@pytest.fixture
def gold() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA gold")
        for name, rows in GOLD.items():
            connection.execute(f"CREATE TABLE gold.{name} AS FROM {rows}")
        yield connection


@pytest.fixture(scope="session")
def project() -> Definitions:
    """The definitions of the dbt project."""
    return definitions.of_project()
