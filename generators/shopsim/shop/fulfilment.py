"""Payment, cancellation, shipment, return and refund of orders. All are simulated when the order is placed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.calendar.scenario_calendar import ScenarioCalendar
from shopsim.calendar.traffic import DAY_MS, HOUR_MS, MINUTE_MS, Period
from shopsim.core.records import Pending, choices, contract_choice
from shopsim.core.rng import Bools, Ints, Purpose, RandomStream, lognormal, weighted_choice
from shopsim.scenario.sections import Scenario
from shopsim.shop.orders import Orders

_PAYMENT_FAILED, _REQUESTED = 0, 1
_DECLINES = len(choices("payment_declined", "reason"))
_RETURN_REASONS = choices("order_returned", "reason")
_RETURN_WEIGHTS = weighted_choice((15, 10, 30, 45))  # damaged, wrong item, not as described, changed mind
_DAMAGED = _RETURN_REASONS.index("damaged")
_CHARGEBACK_WEIGHTS = weighted_choice((50, 20, 20, 10))  # fraud, not received, not as described, duplicate


@dataclass(frozen=True, slots=True)
class PaidOrders:
    """Orders with an authorised payment. Arrays [paid orders].

    Attributes:
        order: row in `Orders`.
        payment: number of the payment, counted per lane.
        at_ms: time of authorisation.
    """

    order: Ints
    payment: Ints
    at_ms: Ints

    def where(self, chosen: Bools) -> PaidOrders:
        """Some of the orders, by mask."""
        return PaidOrders(self.order[chosen], self.payment[chosen], self.at_ms[chosen])


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Delivered orders: row in `Orders` and time of delivery; arrays [deliveries]."""

    order: Ints
    at_ms: Ints


class Fulfilment:
    """Simulates what follows an order. Mutable: it counts payments."""

    def __init__(self, scenario: Scenario, seed: int, lane: int, calendar: ScenarioCalendar) -> None:
        self._seed, self._lane, self._calendar = seed, lane, calendar
        self._payments, self._returns = scenario.payments, scenario.returns
        self._settings = scenario.fulfilment
        self._methods = contract_choice("payment_authorised", "method", scenario.payments.methods)
        self._carriers = contract_choice("order_shipped", "carrier", scenario.fulfilment.carriers)
        settings, returns = scenario.fulfilment, scenario.returns
        self._capture = _delays(settings.capture_hours * HOUR_MS, 0.6)
        self._ship = _delays(settings.ship_hours * HOUR_MS, 0.5)
        self._deliver = _delays(settings.delivery_days * DAY_MS, 0.4)
        self._return = _delays(returns.days * DAY_MS, 0.5)
        self._refund = _delays(returns.refund_days * DAY_MS, 0.5)
        self._chargeback = _delays(scenario.payments.chargebacks.days * DAY_MS, 0.4)
        self._count = 0

    def fulfil(self, period: Period, orders: Orders, pending: Pending) -> Deliveries:
        """Simulate everything after the orders of a period, and return the deliveries."""
        rng = RandomStream(self._seed, self._lane, period.index, Purpose.FULFILMENT)
        paid = self._pay(rng, orders, pending)
        withdrawn = rng.chance(self._settings.cancelled_share, len(paid.order))
        at = paid.at_ms + rng.between(5 * MINUTE_MS, 2 * HOUR_MS, len(paid.order))
        _cancel(rng, orders, paid.order[withdrawn], at[withdrawn], _REQUESTED, pending)
        paid = paid.where(~withdrawn)
        captured = paid.at_ms + rng.sample(self._capture, len(paid.order))
        pending.add(
            "payment_captured",
            captured,
            **_order_keys(orders, paid.order),
            payment_id=paid.payment,
            amount_cents=_order_totals(orders, paid),
            currency=orders.currency[paid.order],
        )
        delivered = self._ship_and_deliver(rng, orders, paid.order, captured, pending)
        self._return_and_refund(rng, orders, paid, delivered, pending)
        return Deliveries(paid.order, delivered)

    def _pay(self, rng: RandomStream, orders: Orders, pending: Pending) -> PaidOrders:
        """Payment attempts until one is authorised, or the customer gives up and the order is cancelled."""
        trying = np.arange(len(orders.number))
        at = orders.placed_ms + rng.between(1_000, 20_000, len(trying))
        method = rng.pick(self._methods, len(trying))
        authorised: list[PaidOrders] = []
        for attempt in range(1, self._payments.attempts + 1):
            payment = self._count + np.arange(len(trying))
            self._count += len(trying)
            declined = rng.chance(self._payments.decline, len(trying))
            self._publish_attempt(rng, orders, PaidOrders(trying, payment, at), method, declined, pending)
            authorised.append(PaidOrders(trying, payment, at).where(~declined))
            trying, at, method = trying[declined], at[declined], method[declined]
            again = rng.chance(self._payments.retry if attempt < self._payments.attempts else 0.0, len(trying))
            given_up = at + rng.between(10 * MINUTE_MS, 2 * HOUR_MS, len(trying))
            _cancel(rng, orders, trying[~again], given_up[~again], _PAYMENT_FAILED, pending)
            trying, at, method = trying[again], at[again], method[again]
            at = at + rng.between(20_000, 10 * MINUTE_MS, len(trying))
        return PaidOrders(
            np.concatenate([p.order for p in authorised]),
            np.concatenate([p.payment for p in authorised]),
            np.concatenate([p.at_ms for p in authorised]),
        )

    def _publish_attempt(
        self, rng: RandomStream, orders: Orders, tried: PaidOrders, method: Ints, declined: Bools, pending: Pending
    ) -> None:
        for event_type, chosen in (("payment_authorised", ~declined), ("payment_declined", declined)):
            some = tried.where(chosen)
            reason = {"reason": rng.below(_DECLINES, len(some.order))} if event_type == "payment_declined" else {}
            pending.add(
                event_type,
                some.at_ms,
                **_order_keys(orders, some.order),
                payment_id=some.payment,
                amount_cents=_order_totals(orders, some),
                currency=orders.currency[some.order],
                method=method[chosen],
                **reason,
            )

    def _ship_and_deliver(
        self, rng: RandomStream, orders: Orders, order: Ints, captured: Ints, pending: Pending
    ) -> Ints:
        shipped = captured + rng.sample(self._ship, len(order))
        carrier = rng.pick(self._carriers, len(order))
        shipment = orders.number[order]  # one shipment per order
        pending.add("order_shipped", shipped, **_order_keys(orders, order), shipment_id=shipment, carrier=carrier)
        _move_stock(rng, "stock_shipped", orders, order, shipped, pending)
        delivered = self._calendar.delivery_time(orders.locale[order], shipped + rng.sample(self._deliver, len(order)))
        pending.add("order_delivered", delivered, **_order_keys(orders, order), shipment_id=shipment)
        return delivered

    def _return_and_refund(
        self, rng: RandomStream, orders: Orders, paid: PaidOrders, delivered: Ints, pending: Pending
    ) -> None:
        n = len(paid.order)
        returned = rng.chance(self._returns.share, n)
        at = delivered + rng.sample(self._return, n)
        reason = rng.pick(_RETURN_WEIGHTS, n)
        back = paid.order[returned]
        pending.add(
            "order_returned",
            at[returned],
            **_order_keys(orders, back),
            shipment_id=orders.number[back],
            reason=reason[returned],
        )
        whole = returned & (reason != _DAMAGED)  # damaged products do not return to stock
        _move_stock(rng, "stock_returned", orders, paid.order[whole], at[whole], pending)
        goodwill = ~returned & rng.chance(self._returns.goodwill_share, n)
        due = _order_totals(orders, paid)
        amount = np.where(
            returned, due - orders.shipping_cents[paid.order], due * self._returns.goodwill_percent // 100
        )
        repaid = at + rng.sample(self._refund, n)
        some = (returned | goodwill) & (amount > 0)
        pending.add(
            "payment_refunded",
            repaid[some],
            **_order_keys(orders, paid.order[some]),
            payment_id=paid.payment[some],
            amount_cents=amount[some],
            currency=orders.currency[paid.order[some]],
        )
        self._charge_back(rng, orders, paid, delivered, due - np.where(some, amount, 0), ~returned, pending)

    def _charge_back(
        self,
        rng: RandomStream,
        orders: Orders,
        paid: PaidOrders,
        delivered: Ints,
        left: Ints,
        may: Bools,
        pending: Pending,
    ) -> None:
        """Chargebacks: the bank takes back the amount left of some payments."""
        n = len(paid.order)
        some = may & rng.chance(self._payments.chargebacks.share, n) & (left > 0)
        at = delivered + rng.sample(self._chargeback, n)
        pending.add(
            "payment_charged_back",
            at[some],
            **_order_keys(orders, paid.order[some]),
            payment_id=paid.payment[some],
            amount_cents=left[some],
            currency=orders.currency[paid.order[some]],
            reason=rng.pick(_CHARGEBACK_WEIGHTS, n)[some],
        )


def _order_totals(orders: Orders, paid: PaidOrders) -> Ints:
    return orders.total_cents[paid.order]


def _order_keys(orders: Orders, order: Ints) -> dict[str, Ints]:
    return {"order_id": orders.number[order], "customer_id": orders.customer[order]}


def _cancel(rng: RandomStream, orders: Orders, order: Ints, at: Ints, reason: int, pending: Pending) -> None:
    pending.add("order_cancelled", at, **_order_keys(orders, order), reason=reason)
    _move_stock(rng, "stock_released", orders, order, at, pending)


def _move_stock(rng: RandomStream, event_type: str, orders: Orders, order: Ints, at: Ints, pending: Pending) -> None:
    """One stock movement per line of some orders, shortly after its cause."""
    when = np.full(len(orders.number), -1, dtype=np.int64)
    when[order] = at
    line = np.flatnonzero(when[orders.line_order] >= 0)
    row = orders.line_order[line]
    pending.add(
        event_type,
        when[row] + rng.between(4, 2_000, len(line)),
        product_id=orders.line_product[line],
        order_id=orders.number[row],
        quantity=orders.line_quantity[line],
    )


def _delays(median_ms: float, spread: float) -> Ints:
    return lognormal(median_ms, spread, MINUTE_MS, int(median_ms * 8) + MINUTE_MS)
