"""The SQL of the measures: hourly aggregates of the events of a topic, made from the contract.

`hour` is the number of full hours since 1970, UTC. A statement reads `<schema>.<topic>`, which has the contract's
columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from msgspec import inspect

from shoplake.contract import EVENTS, TOPICS, Topic, type_name

HOUR_MS = 3_600_000
MONEY = ("total_cents", "amount_cents", "unit_price_cents", "price_cents")
"""Amounts whose sum and mean logarithm are measured, per currency."""
LISTED = ("currency", "country")
"""Columns with few values that the contract does not list."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours from `first` (included) to `end` (excluded), counted since 1970."""

    first: int
    end: int

    def sql(self, alias: str = "") -> str:
        """Condition on `occurred_at_ms`."""
        return f"{alias}occurred_at_ms >= {self.first * HOUR_MS} AND {alias}occurred_at_ms < {self.end * HOUR_MS}"


@cache
def choices(event_type: str) -> dict[str, tuple[str, ...]]:
    """Column -> allowed values, for the columns of an event that have a list of them in the contract."""
    described = inspect.type_info(EVENTS[event_type])
    assert isinstance(described, inspect.StructType)  # noqa: S101 - for the type checker: events are structs
    found = {}
    for field in described.fields:
        kind = field.type
        if isinstance(kind, inspect.LiteralType):
            found[field.name] = tuple(str(value) for value in kind.values)
    return found


@cache
def required(event_type: str) -> frozenset[str]:
    """The columns of an event that are never null."""
    described = inspect.type_info(EVENTS[event_type])
    assert isinstance(described, inspect.StructType)  # noqa: S101 - for the type checker: events are structs
    return frozenset(field.name for field in described.fields if field.required)


def enumerated(topic: Topic) -> list[str]:
    """The columns of a topic whose values are counted one by one."""
    names = [name for event in topic.events for name in choices(type_name(event))]
    return list(dict.fromkeys([*names, *(name for name in LISTED if name in topic.columns)]))


def money(topic: Topic) -> list[str]:
    """The amounts of a topic."""
    return [name for name in MONEY if name in topic.columns]


def columns(topic: Topic) -> list[str]:
    """The columns of a topic whose nulls are counted."""
    return [name for name in topic.columns if name != "type"]


def aggregates(schema: str, topic: str, hours: Hours) -> str:
    """One pass over a topic: rows, repeated ids, nulls, and sums, by hour and type, and by each enumerated column.

    Columns of the result: type, hour, by (the enumerated column, or empty), value (of that column), rows, repeated (ids
    seen before), twins (rows like another but for the id), and `null_<column>`. Each amount adds `sum_<amount>`,
    `log_<amount>`, `max_<amount>` and `known_<amount>` (rows with an amount).
    """
    described = TOPICS[topic]
    content = ", ".join(f'"{name}"' for name in described.columns if name != "event_id")
    split = enumerated(described)
    by = "".join(f" WHEN GROUPING({name}) = 0 THEN '{name}'" for name in split)
    value = ", ".join(f"CASE WHEN GROUPING({name}) = 0 THEN {name} END" for name in split)
    sets = "".join(f", (type, hour, {name})" for name in split)
    measured = [f'count(*) - count("{name}") AS "null_{name}"' for name in columns(described)]
    for name in money(described):
        measured += [
            f"sum({name}) AS sum_{name}",
            f"sum(ln(greatest({name}, 1))) AS log_{name}",
            f"max({name}) AS max_{name}",
            f"count({name}) AS known_{name}",
        ]
    return f"""
        SELECT type, hour, {f"CASE{by} ELSE '' END" if split else "''"} AS by, {f"coalesce({value})" if split else "NULL"} AS value,
            count(*) AS rows, count(*) - count(DISTINCT hash(event_id)) AS repeated,
            count(*) - count(DISTINCT hash({content})) AS twins, {", ".join(measured)}
        FROM (SELECT *, occurred_at_ms // {HOUR_MS} AS hour FROM {schema}."{topic}" WHERE {hours.sql()})
        GROUP BY GROUPING SETS ((type, hour){sets})
    """  # noqa: S608, E501 - names come from the contract


@dataclass(frozen=True, slots=True)
class Reference:
    """Events that name another event by its key. Without faults, each has its parent, which is not later.

    Attributes:
        name: of the series.
        child, parent: topic, event types, column of the key.
        lookback_h: how long ago the parent may have been; None if there is no limit.
        simultaneous: both are written at once.
    """

    name: str
    child: tuple[str, tuple[str, ...], str]
    parent: tuple[str, tuple[str, ...], str]
    lookback_h: int | None = None
    simultaneous: bool = False


_CLICKS = ("page_viewed", "search_performed", "product_viewed", "cart_item_added", "checkout_started")
_PAYMENTS = ("payment_authorised", "payment_declined")
_ORDER = ("orders", ("order_placed",), "order_id")

REFERENCES = (
    Reference("click.session", ("clicks", _CLICKS, "session_id"), ("clicks", ("session_started",), "session_id"), 24),
    Reference("checkout.order", ("clicks", ("checkout_completed",), "order_id"), _ORDER, 24, True),
    Reference("order.checkout", _ORDER, ("clicks", ("checkout_completed",), "order_id"), 24, True),
    Reference(
        "order.session", ("orders", ("order_placed",), "session_id"), ("clicks", ("session_started",), "session_id"), 24
    ),
    Reference(
        "order.customer",
        ("orders", ("order_placed",), "customer_id"),
        ("customers", ("customer_registered",), "customer_id"),
    ),
    Reference("order.stock", _ORDER, ("inventory", ("stock_reserved",), "order_id"), 24, True),
    Reference("stock.order", ("inventory", ("stock_reserved",), "order_id"), _ORDER, 24, True),
    Reference("payment.order", ("orders", _PAYMENTS, "order_id"), _ORDER, 24 * 14),
    Reference(
        "capture.authorisation",
        ("orders", ("payment_captured",), "payment_id"),
        ("orders", ("payment_authorised",), "payment_id"),
        24 * 30,
    ),
    Reference(
        "shipment.capture",
        ("orders", ("order_shipped",), "order_id"),
        ("orders", ("payment_captured",), "order_id"),
        24 * 60,
    ),
    Reference(
        "shipment.stock",
        ("inventory", ("stock_shipped",), "order_id"),
        ("orders", ("order_shipped",), "order_id"),
        24,
        True,
    ),
    Reference(
        "delivery.shipment",
        ("orders", ("order_delivered",), "shipment_id"),
        ("orders", ("order_shipped",), "shipment_id"),
        24 * 60,
    ),
    Reference(
        "review.delivery",
        ("reviews", ("review_submitted",), "order_id"),
        ("orders", ("order_delivered",), "order_id"),
        24 * 90,
    ),
    Reference(
        "cart.product",
        ("clicks", ("cart_item_added",), "product_id"),
        ("products", ("product_launched",), "product_id"),
    ),
)


def reference(schema: str, one: Reference, hours: Hours) -> str:
    """Children without a parent, and children whose time does not fit their parent's.

    Columns of the result: hour, rows (distinct keys in the hour), orphans, misplaced.
    """
    child_topic, child_types, child_key = one.child
    parent_topic, parent_types, parent_key = one.parent
    earliest = 0 if one.lookback_h is None else hours.first - one.lookback_h
    # Clocks of two producers may differ by a minute; the times of simultaneous events by as much in both directions.
    apart = "abs(p.ms - c.ms)" if one.simultaneous else "p.ms - c.ms"
    return f"""
        SELECT c.ms // {HOUR_MS} AS hour, count(*) AS rows, count(*) - count(p.k) AS orphans,
            count_if({apart} > 60000) AS misplaced
        FROM (
            SELECT {child_key} AS k, min(occurred_at_ms) AS ms FROM {schema}."{child_topic}"
            WHERE type IN ({_texts(child_types)}) AND {hours.sql()} AND {child_key} IS NOT NULL
            GROUP BY k, occurred_at_ms // {HOUR_MS}
        ) AS c LEFT JOIN (
            SELECT {parent_key} AS k, min(occurred_at_ms) AS ms FROM {schema}."{parent_topic}"
            WHERE type IN ({_texts(parent_types)}) AND {Hours(earliest, hours.end + 24).sql()} GROUP BY k
        ) AS p ON p.k = c.k
        GROUP BY ALL
    """  # noqa: S608


def conflicts(schema: str, hours: Hours) -> Iterator[tuple[str, str]]:
    """Name and SQL of measures of rows that contradict another row, or themselves. Result: hour, rows, conflicts."""
    hour = f"occurred_at_ms // {HOUR_MS} AS hour"
    yield (
        "order.total",
        f"""SELECT {hour}, count(*) AS rows,
            count_if(total_cents <> subtotal_cents - discount_cents + shipping_cents + tax_cents) AS conflicts
        FROM {schema}.orders WHERE type = 'order_placed' AND {hours.sql()} GROUP BY ALL""",  # noqa: S608
    )
    yield (
        "order.currency",
        f"""SELECT {hour}, count(*) AS rows, count_if(o.currency <> c.currency) AS conflicts
        FROM {schema}.orders AS o JOIN (
            SELECT customer_id, any_value(currency) AS currency FROM {schema}.customers
            WHERE type = 'customer_registered' GROUP BY ALL
        ) AS c USING (customer_id) WHERE type = 'order_placed' AND {hours.sql("o.")} GROUP BY ALL""",  # noqa: S608
    )
    for name, condition in (("amount", "p.amount_cents <> o.amount"), ("currency", "p.currency <> o.currency")):
        yield (
            f"payment.{name}",
            f"""SELECT {hour}, count(*) AS rows, count_if({condition}) AS conflicts
            FROM {schema}.orders AS p JOIN (
                SELECT order_id, any_value(total_cents) AS amount, any_value(currency) AS currency FROM {schema}.orders
                WHERE type = 'order_placed' AND {Hours(hours.first - 24 * 30, hours.end).sql()} GROUP BY ALL
            ) AS o USING (order_id)
            WHERE type IN ({_texts((*_PAYMENTS, "payment_captured"))}) AND {hours.sql("p.")} GROUP BY ALL""",  # noqa: S608
        )
    prices = f"""SELECT product_id, any_value(price_cents) AS price, any_value(currency) AS of
        FROM {schema}.products WHERE type = 'product_launched' GROUP BY ALL"""  # noqa: S608
    sold = {
        "cart.price": f"""SELECT occurred_at_ms, product_id, unit_price_cents AS paid, currency
            FROM {schema}.clicks WHERE type = 'cart_item_added'""",  # noqa: S608
        "order.price": f"""SELECT occurred_at_ms, line.product_id AS product_id, line.unit_price_cents AS paid, currency
            FROM (SELECT occurred_at_ms, currency, unnest(lines) AS line FROM {schema}.orders WHERE type = 'order_placed')
        """,  # noqa: S608, E501
        "product.price": f"""SELECT occurred_at_ms, product_id, price_cents AS paid, NULL AS currency
            FROM {schema}.products WHERE type = 'product_price_changed'""",  # noqa: S608
    }
    for name, rows in sold.items():
        # A sale, a changed price and an exchange rate that moves are within a factor of four of the usual ratio.
        yield (
            name,
            f"""WITH ratios AS (
                SELECT occurred_at_ms, s.currency, ln(greatest(paid, 1) / greatest(price, 1)) AS ratio
                FROM ({rows}) AS s JOIN ({prices}) AS p USING (product_id)
            ), usual AS (SELECT currency, median(ratio) AS ratio FROM ratios GROUP BY currency)
            SELECT {hour}, count(*) AS rows, count_if(abs(r.ratio - u.ratio) > ln(4)) AS conflicts
            FROM ratios AS r JOIN usual AS u ON r.currency IS NOT DISTINCT FROM u.currency
            WHERE {hours.sql("r.")} GROUP BY ALL""",  # noqa: S608
        )


def _texts(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)
