"""Orders: amounts, and reservation of stock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.calendar.traffic import Period
from shopsim.core.records import LINES, Pending
from shopsim.core.rng import Ints, Purpose, RandomStream, group_sums, threshold
from shopsim.scenario.sections import Scenario
from shopsim.shop.carts import OrderedCarts
from shopsim.shop.currencies import ExchangeRates
from shopsim.shop.customers import Customers, habits
from shopsim.shop.sessions import Visits


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders placed in the sessions of a window. Arrays [orders], or [lines] for those named `line_...`.

    Attributes:
        number: counted per lane.
        customer: the customer's number.
        placed_ms: time of `order_placed`.
        locale, currency: of the customer, by number.
        shipping_cents, total_cents: amounts in that currency.
        line_order: row of the line's order in these arrays.
        line_product, line_quantity: product and number of units.
    """

    number: Ints
    customer: Ints
    placed_ms: Ints
    locale: Ints
    currency: Ints
    shipping_cents: Ints
    total_cents: Ints
    line_order: Ints
    line_product: Ints
    line_quantity: Ints


class Checkout:
    """Turns carts into orders. Mutable: it counts orders."""

    def __init__(self, scenario: Scenario, seed: int, lane: int) -> None:
        self._settings, self._seed, self._lane = scenario.orders, seed, lane
        self._discounts = np.array([threshold(h.discount_share) for h in habits(scenario)], dtype=np.int64)
        self._percents = np.array(scenario.orders.discount_percents, dtype=np.int64)
        self._exchange = ExchangeRates(scenario)
        self._count = 0

    def place_orders(
        self, period: Period, visits: Visits, ordered_carts: OrderedCarts, customers: Customers, pending: Pending
    ) -> Orders:
        """Create orders with their lines, completed checkouts and stock reservations."""
        rng = RandomStream(self._seed, self._lane, period.index, Purpose.ORDERS)
        number = self._count + np.arange(len(ordered_carts.visit))
        self._count += len(number)
        customer = visits.customer[ordered_carts.visit]
        lines = ordered_carts.lines
        line_order = np.searchsorted(ordered_carts.visit, lines.visit)
        subtotal = group_sums(line_order, len(number), lines.quantity * lines.price_cents)
        locale = customers.locale[customer].astype(np.int64)
        currency = self._exchange.locale_currency[locale]
        bill = self._bill(rng, subtotal, currency, customers.segment[customer].astype(np.int64))
        session = visits.number[ordered_carts.visit]
        pending.add("checkout_completed", ordered_carts.completed_ms, session_id=session, order_id=number)
        pending.add(
            "order_placed", ordered_carts.placed_ms, order_id=number, customer_id=customer, session_id=session, **bill
        )
        pending.add(
            LINES,
            ordered_carts.placed_ms[line_order],
            order_id=number[line_order],
            product_id=lines.product,
            quantity=lines.quantity,
            unit_price_cents=lines.price_cents,
        )
        pending.add(
            "stock_reserved",
            ordered_carts.placed_ms[line_order] + rng.between(4, 400, len(line_order)),
            product_id=lines.product,
            order_id=number[line_order],
            quantity=lines.quantity,
        )
        return Orders(
            number,
            customer,
            ordered_carts.placed_ms,
            locale,
            currency,
            bill["shipping_cents"],
            bill["total_cents"],
            line_order,
            lines.product,
            lines.quantity,
        )

    def _bill(self, rng: RandomStream, subtotal: Ints, currency: Ints, segment: Ints) -> dict[str, Ints]:
        n = len(subtotal)
        percent = self._percents[rng.below(len(self._percents), n)]
        discount = np.where(rng.chance(self._discounts[segment], n), subtotal * percent // 100, 0)
        free = subtotal - discount >= self._exchange.amount(self._settings.free_shipping_from_cents, currency)
        shipping = np.where(free, 0, self._exchange.amount(self._settings.shipping_cents, currency))
        net = subtotal - discount + shipping
        tax = (net * self._settings.tax_basis_points + 5_000) // 10_000
        return {
            "subtotal_cents": subtotal,
            "discount_cents": discount,
            "shipping_cents": shipping,
            "tax_cents": tax,
            "total_cents": net + tax,
            "currency": currency,
        }
