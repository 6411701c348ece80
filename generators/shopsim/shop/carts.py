"""Carts: items that visitors add and remove, and the carts that become orders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.calendar.traffic import Period
from shopsim.core.records import Pending
from shopsim.core.rng import Bools, Ints, Purpose, RandomStream, weighted_choice
from shopsim.scenario.sections import Scenario
from shopsim.shop.catalogue import Assortment
from shopsim.shop.currencies import ExchangeRates
from shopsim.shop.customers import Customers, conversion_thresholds
from shopsim.shop.sessions import Views, Visits
from shopsim.shop.stock import Stock

_QUANTITY_WEIGHTS = (80, 14, 4, 2)
MAX_UNITS = len(_QUANTITY_WEIGHTS)
"""Maximum quantity of a cart line: 1, 2, 3 or 4 units of one product."""

_QUANTITIES = weighted_choice(_QUANTITY_WEIGHTS)


@dataclass(frozen=True, slots=True)
class CartLines:
    """Cart lines; a product occurs once per cart. Arrays [lines].

    Attributes:
        visit: row in `Visits`.
        product, quantity: product index and number of units.
        price_cents: price of one unit when it was added, in the visitor's currency.
        added_ms: time of `cart_item_added`.
        kept: the visitor did not remove it.
    """

    visit: Ints
    product: Ints
    quantity: Ints
    price_cents: Ints
    added_ms: Ints
    kept: Bools

    def where(self, chosen: Bools) -> CartLines:
        """Some of the lines."""
        return CartLines(
            self.visit[chosen],
            self.product[chosen],
            self.quantity[chosen],
            self.price_cents[chosen],
            self.added_ms[chosen],
            self.kept[chosen],
        )


@dataclass(frozen=True, slots=True)
class OrderedCarts:
    """Carts that became orders. Arrays [orders]; the lines are those of all of them.

    Attributes:
        visit: row in `Visits`, ascending.
        completed_ms: time of `checkout_completed`; the order is placed a moment later.
        placed_ms: time of `order_placed`.
        lines: the ordered lines.
    """

    visit: Ints
    completed_ms: Ints
    placed_ms: Ints
    lines: CartLines


class Carts:
    """Fills carts and takes them through the checkout. Stateless."""

    def __init__(self, scenario: Scenario, seed: int, lane: int) -> None:
        self._funnel, self._seed, self._lane = scenario.funnel, seed, lane
        self._exchange = ExchangeRates(scenario)
        self._checkout = conversion_thresholds(scenario, scenario.funnel.checkout)
        # Anonymous visitors start a checkout half as often, and never complete it.
        self._anonymous = conversion_thresholds(scenario, scenario.funnel.checkout / 2).min()

    def check_out(
        self,
        period: Period,
        visits: Visits,
        views: Views,
        products: Assortment,
        customers: Customers,
        stock: Stock,
        pending: Pending,
    ) -> OrderedCarts:
        """Simulate carts from the first item to the completed checkout."""
        rng = RandomStream(self._seed, self._lane, period.index, Purpose.CARTS)
        lines, end = self._fill(rng, visits, views, products, pending)
        holds = np.zeros(len(visits.number), dtype=bool)
        holds[lines.visit[lines.kept]] = True
        starts_checkout = holds & (rng.words(len(holds)) < self._limits(visits, customers))
        buys = starts_checkout & rng.chance(self._funnel.complete, len(holds)) & (visits.customer >= 0)
        checkout = end + rng.between(5_000, 60_000, len(holds))
        completed = (checkout + rng.between(20_000, 180_000, len(holds))) | 1
        placed = (completed + rng.between(4, 150, len(holds))) | 1
        ordered = lines.where(lines.kept & buys[lines.visit])
        there = stock.reserve(ordered.product, ordered.quantity, placed[ordered.visit])
        _drop_sold_out(rng, visits, ordered.where(~there), end, pending)
        ordered = ordered.where(there)
        gets = np.zeros(len(holds), dtype=bool)
        gets[ordered.visit] = True
        checkouts = np.flatnonzero(starts_checkout & (gets | ~buys))
        pending.add("checkout_started", checkout[checkouts], session_id=visits.number[checkouts])
        orders = np.flatnonzero(gets)
        return OrderedCarts(orders, completed[orders], placed[orders], ordered)

    def _limits(self, visits: Visits, customers: Customers) -> Ints:
        limits = np.full(len(visits.customer), self._anonymous)
        known = visits.customer >= 0
        limits[known] = self._checkout[customers.segment[visits.customer[known]]]
        return limits

    def _fill(
        self, rng: RandomStream, visits: Visits, views: Views, products: Assortment, pending: Pending
    ) -> tuple[CartLines, Ints]:
        """The lines of all carts, and the time of the last activity of each visit (shape [sessions])."""
        n = len(views.visit)
        shops = rng.chance(self._funnel.cart, len(visits.number))[views.visit]
        last = np.diff(views.visit, append=-1) != 0
        into = np.flatnonzero(shops & (last | rng.chance(self._funnel.add, n)))
        pair = views.visit[into] * len(products) + views.product[into]
        into = into[np.sort(np.unique(pair, return_index=True)[1])]
        visit, product = views.visit[into], views.product[into]
        at = (views.at_ms[into] + rng.between(1_000, 20_000, len(into))) | 1
        quantity = 1 + rng.pick(_QUANTITIES, len(into))
        kept = ~rng.chance(self._funnel.remove, len(into))
        currency = self._exchange.locale_currency[visits.locale[visit]]
        price = self._exchange.amount(products.prices.at(product, at), currency)
        lines = CartLines(visit, product, quantity, price, at, kept)
        removed = at + rng.between(2_000, 120_000, len(into))
        _publish(visits, lines, currency, removed, pending)
        end = views.last_ms.copy()
        np.maximum.at(end, visit, np.where(kept, at, removed))
        return lines, end


def _publish(visits: Visits, lines: CartLines, currency: Ints, removed_ms: Ints, pending: Pending) -> None:
    session = visits.number[lines.visit]
    pending.add(
        "cart_item_added",
        lines.added_ms,
        session_id=session,
        product_id=lines.product,
        quantity=lines.quantity,
        unit_price_cents=lines.price_cents,
        currency=currency,
    )
    out = ~lines.kept
    pending.add("cart_item_removed", removed_ms[out], session_id=session[out], product_id=lines.product[out])


def _drop_sold_out(rng: RandomStream, visits: Visits, lines: CartLines, end: Ints, pending: Pending) -> None:
    """Remove sold-out items from the cart just before the checkout."""
    at = end[lines.visit] + rng.between(500, 4_000, len(lines.visit))
    pending.add("cart_item_removed", at, session_id=visits.number[lines.visit], product_id=lines.product)
