"""Fold the events before the build's positions into the expected gold tables."""

from __future__ import annotations

import duckdb

from shoplake.contract import TOPICS
from shoplake.verify.comparison import Comparison
from shoplake.verify.database import run_sql
from shoplake.verify.key_ranges import fold_in_shares
from shoplake.verify.stores.warehouse import holidays, positions

SQL_FILES = {
    "dimensions": {
        Comparison("warehouse", "dim_customers", ("customer_id", "version")): {"customers": "customer_id"},
        Comparison("warehouse", "dim_products", ("product_id", "version")): {"products": "product_id"},
    },
    "order_facts": {
        Comparison("warehouse", "fct_orders", ("order_id", "customer_id")): {"orders": "order_id"},
        Comparison("warehouse", "fct_order_items", ("order_id", "customer_id", "line_no")): {"orders": "order_id"},
        Comparison("warehouse", "fct_payments", ("payment_id", "customer_id")): {"orders": "payment_id"},
        Comparison("warehouse", "fct_shipments", ("shipment_id", "customer_id")): {"orders": "shipment_id"},
    },
    "other_facts": {
        Comparison("warehouse", "fct_sessions", ("session_id",)): {"clicks": "session_id"},
        Comparison("warehouse", "fct_inventory_daily", ("product_id", "warehouse_id", "moved_on")): {
            "inventory": "product_id"
        },
        Comparison("warehouse", "fct_reviews", ("review_id", "product_id")): {"reviews": "review_id"},
    },
}
"""File in `sql/warehouse` -> table -> source topic -> column that the fold groups by. In the order of the folds."""
DATES = Comparison("warehouse", "dim_dates", ("date_day",))
MARTS = (
    Comparison("warehouse", "revenue_daily", ("revenue_on", "currency")),
    Comparison("warehouse", "funnel_daily", ("started_on", "campaign", "device")),
    Comparison("warehouse", "cohort_retention", ("cohort_month", "month_number")),
    Comparison("warehouse", "customer_value", ("customer_id", "currency")),
    Comparison("warehouse", "product_performance", ("product_id",)),
    Comparison("warehouse", "stock_health", ("product_id", "warehouse_id")),
    Comparison("warehouse", "delivery_performance", ("shipped_on", "carrier")),
)
COMPARISONS = (*(comparison for tables in SQL_FILES.values() for comparison in tables), DATES, *MARTS)

KEY_WEIGHTS = {"dimensions": 4, "order_facts": 4, "other_facts": 1}
"""File -> memory of a key, as a multiple of the memory of a session. An order has more columns, and it is joined with
its customer: with a weight of 1, two million events of 400,000 orders did not fit in the memory limit.
"""


def fold(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create the expected tables. They are empty until `load` has stored the build's positions."""
    positions.create_table(cursor)
    for topic in TOPICS:
        _create_events(cursor, topic)
    for file, tables in SQL_FILES.items():
        run_sql(cursor, f"warehouse/{file}")
        for comparison, keys in tables.items():
            fold_in_shares(cursor, comparison, keys, KEY_WEIGHTS[file])
    holidays.create_tables(cursor)
    cursor.execute(f"CREATE OR REPLACE TABLE {DATES.expected} AS FROM {DATES.fold}")
    run_sql(cursor, "warehouse/rates")
    run_sql(cursor, "warehouse/marts")


def _create_events(cursor: duckdb.DuckDBPyConnection, topic: str) -> None:
    """Create `warehouse.<topic>`: the topic's events before the positions, each event id once."""
    cursor.execute(
        f"""
        CREATE OR REPLACE VIEW warehouse.records_{topic} AS
        SELECT event.* FROM ev_{topic} AS event
        JOIN warehouse.positions AS position
            ON position.topic = '{topic}' AND position.kafka_partition = event.kafka_partition
                AND event.kafka_offset < position.next_offset;

        CREATE OR REPLACE TABLE warehouse.copies_{topic} AS
        SELECT kafka_partition, kafka_offset FROM warehouse.records_{topic}
        QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY kafka_partition, kafka_offset) > 1;

        CREATE OR REPLACE VIEW warehouse.{topic} AS
        FROM warehouse.records_{topic} ANTI JOIN warehouse.copies_{topic} USING (kafka_partition, kafka_offset)
        """  # noqa: S608 - names of the contract's topics
    )
