"""One lane: its own part of the customers and of the stock, simulated independently of the other lanes."""

from __future__ import annotations

from shopsim.calendar.scenario_calendar import ScenarioCalendar
from shopsim.calendar.traffic import Period
from shopsim.core.records import Pending, field
from shopsim.core.rng import Ints
from shopsim.scenario.sections import Scenario
from shopsim.shop.carts import Carts
from shopsim.shop.catalogue import Assortment
from shopsim.shop.customers import Customers
from shopsim.shop.fulfilment import Fulfilment
from shopsim.shop.orders import Checkout
from shopsim.shop.reviews import Reviews
from shopsim.shop.sessions import Browsing, Sessions
from shopsim.shop.stock import Stock

_PRODUCTS = 1.5
"""Estimated units per order (products times quantity), for the forecast of demand."""


class Lane:
    """State of one lane. Mutable; `advance` must be called for period 0, 1, 2 and so on."""

    def __init__(self, scenario: Scenario, seed: int, lane: int, calendar: ScenarioCalendar) -> None:
        self.lane = lane
        self._lanes = scenario.lanes
        self._daily_orders = _orders_per_visit(scenario) * scenario.sessions.per_customer_per_day
        self._customers = Customers(scenario, seed, lane)
        self._stock = Stock(scenario, seed, lane)
        self._sessions = Sessions(scenario, seed, lane, calendar)
        self._browsing = Browsing(scenario, seed, lane)
        self._carts = Carts(scenario, seed, lane)
        self._checkouts = Checkout(scenario, seed, lane)
        self._fulfilment = Fulfilment(scenario, seed, lane, calendar)
        self._reviews = Reviews(scenario, seed, lane)
        self._pending = Pending()

    def advance(self, period: Period, products: Assortment, catalogue_events: dict[str, Ints]) -> dict[str, Ints]:
        """Simulate a period and return its records by type."""
        pending, customers = self._pending, self._customers
        arrivals = customers.advance(period, pending)
        self._stock.advance(period, products, self._demand(period), pending)
        visits = self._sessions.start(period, customers, arrivals, pending)
        views = self._browsing.browse(period, visits, products, self._stock, pending)
        ordered_carts = self._carts.check_out(period, visits, views, products, customers, self._stock, pending)
        orders = self._checkouts.place_orders(period, visits, ordered_carts, customers, pending)
        deliveries = self._fulfilment.fulfil(period, orders, pending)
        self._reviews.write(period, orders, deliveries, products, pending)
        happened = pending.take(period.end_ms)
        self._stock.settle(happened)
        return happened | self._own(catalogue_events)

    def _demand(self, period: Period) -> float:
        """Expected sales of the lane, in units per day."""
        visits = self._customers.weights(self._customers.visits).sum() / 1_000 * period.visit_growth / 1_000
        return float(visits) * self._daily_orders * _PRODUCTS

    def _own(self, catalogue_events: dict[str, Ints]) -> dict[str, Ints]:
        mine = {
            name: records[:, field(records, name, "product_id") % self._lanes == self.lane]
            for name, records in catalogue_events.items()
        }
        return {name: records for name, records in mine.items() if records.shape[1]}


def _orders_per_visit(scenario: Scenario) -> float:
    funnel = scenario.funnel
    return funnel.cart * (1 - funnel.remove) * funnel.checkout * funnel.complete
