"""What becomes of an order, drawn whole when it is placed: payment, cancellation, shipment, return, refund."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shopsim.calendar.scenario_calendar import Timetable
from shopsim.calendar.traffic import DAY_MS, HOUR_MS, MINUTE_MS, Span
from shopsim.core.records import Pending, choices, weighted
from shopsim.core.rng import Bools, Draws, Ints, Purpose, cumulated, lognormal
from shopsim.scenario.sections import Scenario
from shopsim.shop.orders import Orders

_PAYMENT_FAILED, _REQUESTED = 0, 1
_DECLINES = len(choices("payment_declined", "reason"))
_RETURN_REASONS = choices("order_returned", "reason")
_RETURN_WEIGHTS = cumulated((15, 10, 30, 45))  # damaged, wrong item, not as described, changed mind
_DAMAGED = _RETURN_REASONS.index("damaged")
_CHARGEBACK_WEIGHTS = cumulated((50, 20, 20, 10))  # fraud, not received, not as described, duplicate


@dataclass(frozen=True, slots=True)
class Paid:
    """Orders with an authorised payment. Arrays [paid orders].

    Attributes:
        order: row in `Orders`.
        payment: number of the payment, counted per lane.
        at_ms: when it was authorised.
    """

    order: Ints
    payment: Ints
    at_ms: Ints

    def where(self, chosen: Bools) -> Paid:
        """Some of them."""
        return Paid(self.order[chosen], self.payment[chosen], self.at_ms[chosen])


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Orders that reached their customers: row in `Orders` and time; arrays [deliveries]."""

    order: Ints
    at_ms: Ints


class Fulfilment:
    """Draws the future of orders. Mutable: it counts payments."""

    def __init__(self, scenario: Scenario, seed: int, lane: int, timetable: Timetable) -> None:
        self._seed, self._lane, self._timetable = seed, lane, timetable
        self._payments, self._returns = scenario.payments, scenario.returns
        self._settings = scenario.fulfilment
        self._methods = weighted("payment_authorised", "method", scenario.payments.methods)
        self._carriers = weighted("order_shipped", "carrier", scenario.fulfilment.carriers)
        settings, returns = scenario.fulfilment, scenario.returns
        self._capture = _delays(settings.capture_hours * HOUR_MS, 0.6)
        self._ship = _delays(settings.ship_hours * HOUR_MS, 0.5)
        self._deliver = _delays(settings.delivery_days * DAY_MS, 0.4)
        self._return = _delays(returns.days * DAY_MS, 0.5)
        self._refund = _delays(returns.refund_days * DAY_MS, 0.5)
        self._chargeback = _delays(scenario.payments.chargebacks.days * DAY_MS, 0.4)
        self._count = 0

    def draw(self, span: Span, orders: Orders, pending: Pending) -> Deliveries:
        """Everything that follows the orders of a window, and which of them are delivered when."""
        draws = Draws(self._seed, self._lane, span.index, Purpose.FULFILMENT)
        paid = self._pay(draws, orders, pending)
        withdrawn = draws.chance(self._settings.cancelled_share, len(paid.order))
        at = paid.at_ms + draws.between(5 * MINUTE_MS, 2 * HOUR_MS, len(paid.order))
        _cancel(draws, orders, paid.order[withdrawn], at[withdrawn], _REQUESTED, pending)
        paid = paid.where(~withdrawn)
        captured = paid.at_ms + draws.sample(self._capture, len(paid.order))
        pending.add(
            "payment_captured",
            captured,
            **_of(orders, paid.order),
            payment_id=paid.payment,
            amount_cents=_due(orders, paid),
            currency=orders.currency[paid.order],
        )
        delivered = self._ship_and_deliver(draws, orders, paid.order, captured, pending)
        self._take_back(draws, orders, paid, delivered, pending)
        return Deliveries(paid.order, delivered)

    def _pay(self, draws: Draws, orders: Orders, pending: Pending) -> Paid:
        """Attempts until one is authorised or the customer gives up; then the order is cancelled."""
        trying = np.arange(len(orders.number))
        at = orders.placed_ms + draws.between(1_000, 20_000, len(trying))
        method = draws.pick(self._methods, len(trying))
        authorised: list[Paid] = []
        for attempt in range(1, self._payments.attempts + 1):
            payment = self._count + np.arange(len(trying))
            self._count += len(trying)
            declined = draws.chance(self._payments.decline, len(trying))
            self._publish_attempt(draws, orders, Paid(trying, payment, at), method, declined, pending)
            authorised.append(Paid(trying, payment, at).where(~declined))
            trying, at, method = trying[declined], at[declined], method[declined]
            again = draws.chance(self._payments.retry if attempt < self._payments.attempts else 0.0, len(trying))
            given_up = at + draws.between(10 * MINUTE_MS, 2 * HOUR_MS, len(trying))
            _cancel(draws, orders, trying[~again], given_up[~again], _PAYMENT_FAILED, pending)
            trying, at, method = trying[again], at[again], method[again]
            at = at + draws.between(20_000, 10 * MINUTE_MS, len(trying))
        return Paid(
            np.concatenate([p.order for p in authorised]),
            np.concatenate([p.payment for p in authorised]),
            np.concatenate([p.at_ms for p in authorised]),
        )

    def _publish_attempt(
        self, draws: Draws, orders: Orders, tried: Paid, method: Ints, declined: Bools, pending: Pending
    ) -> None:
        for event_type, chosen in (("payment_authorised", ~declined), ("payment_declined", declined)):
            some = tried.where(chosen)
            reason = {"reason": draws.below(_DECLINES, len(some.order))} if event_type == "payment_declined" else {}
            pending.add(
                event_type,
                some.at_ms,
                **_of(orders, some.order),
                payment_id=some.payment,
                amount_cents=_due(orders, some),
                currency=orders.currency[some.order],
                method=method[chosen],
                **reason,
            )

    def _ship_and_deliver(self, draws: Draws, orders: Orders, order: Ints, captured: Ints, pending: Pending) -> Ints:
        shipped = captured + draws.sample(self._ship, len(order))
        carrier = draws.pick(self._carriers, len(order))
        shipment = orders.number[order]  # one parcel per order
        pending.add("order_shipped", shipped, **_of(orders, order), shipment_id=shipment, carrier=carrier)
        _move_stock(draws, "stock_shipped", orders, order, shipped, pending)
        delivered = self._timetable.delivered(orders.locale[order], shipped + draws.sample(self._deliver, len(order)))
        pending.add("order_delivered", delivered, **_of(orders, order), shipment_id=shipment)
        return delivered

    def _take_back(self, draws: Draws, orders: Orders, paid: Paid, delivered: Ints, pending: Pending) -> None:
        n = len(paid.order)
        returned = draws.chance(self._returns.share, n)
        at = delivered + draws.sample(self._return, n)
        reason = draws.pick(_RETURN_WEIGHTS, n)
        back = paid.order[returned]
        pending.add(
            "order_returned",
            at[returned],
            **_of(orders, back),
            shipment_id=orders.number[back],
            reason=reason[returned],
        )
        whole = returned & (reason != _DAMAGED)  # what is damaged does not go back on the shelf
        _move_stock(draws, "stock_returned", orders, paid.order[whole], at[whole], pending)
        goodwill = ~returned & draws.chance(self._returns.goodwill_share, n)
        due = _due(orders, paid)
        amount = np.where(
            returned, due - orders.shipping_cents[paid.order], due * self._returns.goodwill_percent // 100
        )
        repaid = at + draws.sample(self._refund, n)
        some = (returned | goodwill) & (amount > 0)
        pending.add(
            "payment_refunded",
            repaid[some],
            **_of(orders, paid.order[some]),
            payment_id=paid.payment[some],
            amount_cents=amount[some],
            currency=orders.currency[paid.order[some]],
        )
        self._charge_back(draws, orders, paid, delivered, due - np.where(some, amount, 0), ~returned, pending)

    def _charge_back(
        self, draws: Draws, orders: Orders, paid: Paid, delivered: Ints, left: Ints, may: Bools, pending: Pending
    ) -> None:
        """The bank takes what is left of some payments."""
        n = len(paid.order)
        some = may & draws.chance(self._payments.chargebacks.share, n) & (left > 0)
        at = delivered + draws.sample(self._chargeback, n)
        pending.add(
            "payment_charged_back",
            at[some],
            **_of(orders, paid.order[some]),
            payment_id=paid.payment[some],
            amount_cents=left[some],
            currency=orders.currency[paid.order[some]],
            reason=draws.pick(_CHARGEBACK_WEIGHTS, n)[some],
        )


def _due(orders: Orders, paid: Paid) -> Ints:
    return orders.total_cents[paid.order]


def _of(orders: Orders, order: Ints) -> dict[str, Ints]:
    return {"order_id": orders.number[order], "customer_id": orders.customer[order]}


def _cancel(draws: Draws, orders: Orders, order: Ints, at: Ints, reason: int, pending: Pending) -> None:
    pending.add("order_cancelled", at, **_of(orders, order), reason=reason)
    _move_stock(draws, "stock_released", orders, order, at, pending)


def _move_stock(draws: Draws, event_type: str, orders: Orders, order: Ints, at: Ints, pending: Pending) -> None:
    """One movement per line of some orders, a moment after what causes it."""
    when = np.full(len(orders.number), -1, dtype=np.int64)
    when[order] = at
    line = np.flatnonzero(when[orders.line_order] >= 0)
    row = orders.line_order[line]
    pending.add(
        event_type,
        when[row] + draws.between(4, 2_000, len(line)),
        product_id=orders.line_product[line],
        order_id=orders.number[row],
        quantity=orders.line_quantity[line],
    )


def _delays(median_ms: float, spread: float) -> Ints:
    return lognormal(median_ms, spread, MINUTE_MS, int(median_ms * 8) + MINUTE_MS)
