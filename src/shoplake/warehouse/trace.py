"""From a figure back to its events: the payments behind the revenue of a day, and their places in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from shoplake.errors import UnknownName, WarehouseError
from shoplake.positions import Positions
from shoplake.warehouse import state

MOVEMENTS = ("payment_captured", "payment_refunded", "payment_charged_back")
_FIGURE = """
SELECT captured_cents, refunded_cents, charged_back_cents, net_cents
FROM gold.revenue_daily WHERE revenue_on = $day AND currency = $currency
"""
_EVENTS = """
SELECT
    event.event_type, event.amount_cents, event.occurred_at, event.payment_id, payment.order_id, event.customer_id,
    event.event_id, event.copies, 'orders-' || event.kafka_partition AS partition, event.kafka_offset
FROM silver.stg_orders AS event
JOIN gold.fct_payments AS payment USING (payment_id, customer_id)
WHERE event.event_type IN ('payment_captured', 'payment_refunded', 'payment_charged_back')
    AND event.occurred_at::DATE = $day AND coalesce(payment.currency, 'XXX') = $currency
ORDER BY event.kafka_partition, event.kafka_offset
"""


@dataclass(frozen=True, slots=True)
class Movement:
    """An event that moved money.

    Attributes:
        event_type: one of `MOVEMENTS`.
        amount_cents: in minor units of the currency.
        occurred_at: UTC.
        payment_id, order_id, customer_id, event_id: of the event; the order is that of the payment.
        copies: number of records in the log with this event id. One of them counts.
        partition: topic and partition, e.g. `orders-3`.
        offset: in the partition, of the record that counts.
    """

    event_type: str
    amount_cents: int
    occurred_at: datetime
    payment_id: str
    order_id: str
    customer_id: str
    event_id: str
    copies: int
    partition: str
    offset: int


@dataclass(frozen=True, slots=True)
class Revenue:
    """The revenue of a day in one currency, with its events.

    Attributes:
        day: UTC.
        currency: ISO 4217.
        captured_cents, refunded_cents, charged_back_cents, net_cents: as `revenue_daily` has them.
        movements: the events, in order of their places in the log.
        positions: up to where the figure has read the log.
    """

    day: date
    currency: str
    captured_cents: int
    refunded_cents: int
    charged_back_cents: int
    net_cents: int
    movements: Sequence[Movement]
    positions: Positions

    @property
    def adds_up(self) -> bool:
        """Whether the amounts of the events are the figure, kind by kind."""
        sums = dict.fromkeys(MOVEMENTS, 0)
        for one in self.movements:
            sums[one.event_type] += one.amount_cents
        captured, refunded, charged_back = sums.values()
        figure = (self.captured_cents, self.refunded_cents, self.charged_back_cents, self.net_cents)
        return figure == (captured, refunded, charged_back, captured - refunded - charged_back)


def revenue(environment: str, day: date, currency: str) -> Revenue:
    """Trace a figure of `revenue_daily`.

    Raises:
        UnknownName: the day has no revenue in the currency. The message names those that it has.
        WarehouseError: no build has ended.
    """
    if not state.database(environment).exists():
        raise WarehouseError(f"no warehouse of {environment} was built", fix="run `shoplake warehouse build`")
    with state.opened(environment) as connection:
        last = state.last_build(connection, finished=True)
        if last is None:
            raise WarehouseError(
                f"no build of the warehouse of {environment} has ended", fix="`shoplake warehouse build`"
            )
        key = {"day": day, "currency": currency}
        figure = connection.execute(_FIGURE, key).fetchone()
        if figure is None:
            raise _no_revenue(connection, day, currency)
        events = connection.execute(_EVENTS, key).fetchall()
    captured, refunded, charged_back, net = figure
    movements = [Movement(*row) for row in events]
    return Revenue(day, currency, captured, refunded, charged_back, net, movements, last.positions)


def _no_revenue(connection: Any, day: date, currency: str) -> UnknownName:  # noqa: ANN401 - DuckDB's connection
    days = connection.execute("SELECT min(revenue_on), max(revenue_on) FROM gold.revenue_daily").fetchone()
    currencies = connection.execute(
        "SELECT string_agg(DISTINCT currency, ', ' ORDER BY currency) FROM gold.revenue_daily WHERE revenue_on = ?",
        [day],
    ).fetchone()
    held = f"that day has {currencies[0]}" if currencies[0] else f"the warehouse has {days[0]} to {days[1]}"
    return UnknownName(f"there is no revenue in {currency} on {day}; {held}", fix="choose another day or currency")
