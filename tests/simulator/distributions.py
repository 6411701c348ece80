"""What a scenario asks to happen how often, and how that is counted in a shop."""

from __future__ import annotations

import shopsim
from shopsim.shop.customers import SEGMENTS, habits

from .counting import Check, count, mean, median, share, shares, weights, zipf

DAYS = 28
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
DELAY = (
    "SELECT b.occurred_at_ms - a.occurred_at_ms AS ms FROM {} a JOIN {} b USING (order_id)"
    " SEMI JOIN old_orders USING (order_id)"
)


OCCASION = """
WITH seen AS (SELECT {1} AS during, campaign = name AS own FROM {0}, regular_sessions WHERE {2})
SELECT 'traffic', count(*) FILTER (during), count(*) FROM seen
UNION ALL SELECT 'own', count(*) FILTER (own), count(*) FROM seen WHERE during
"""


def _activity(s: shopsim.Scenario) -> float:
    """Of the average customer."""
    return sum(h.weight * h.activity for h in habits(s)) / sum(h.weight for h in habits(s))


def _checkout(s: shopsim.Scenario) -> dict[str, float]:
    """Of those with a cart, by segment; who does not log in gets there half as often as the least eager segment."""
    known = {name: min(1.0, s.funnel.checkout * h.conversion) for name, h in zip(SEGMENTS, habits(s), strict=True)}
    return known | {"anonymous": min(known.values()) / 2}


def _by_segment(s: shopsim.Scenario, habit: str) -> dict[str, float]:
    return {name: getattr(h, habit) for name, h in zip(SEGMENTS, habits(s), strict=True)}


def _lifted(lift: float) -> dict[str, float]:
    """Its share of the traffic in its time of the week in four weeks, and the share that it brought of its own."""
    return {"traffic": lift / (lift + 3), "own": 1 - 1 / lift}


def _per_window(s: shopsim.Scenario, per_year: float) -> float:
    return min(1.0, per_year * s.window_hours / 24 / 365)


CHECKS = [
    Check(
        "sessions by hour of the day",
        "seasons.hours",
        weights(
            "SELECT hour(began), count(*) FROM regular_visits GROUP BY 1", lambda s: dict(enumerate(s.seasons.hours))
        ),
        {23: 38},
    ),
    Check(
        "sessions by day of the week",
        "seasons.weekdays",
        weights(
            "SELECT isodow(began) - 1, count(*) FROM regular_visits GROUP BY 1",
            lambda s: dict(enumerate(s.seasons.weekdays)),
        ),
        {6: 100},
    ),
    Check(
        "visits of a customer",
        "sessions.per_customer_per_day",
        mean(
            "SELECT count(session_id) AS n FROM regulars LEFT JOIN visits USING (customer_id) GROUP BY customer_id",
            lambda s: 21 * s.sessions.per_customer_per_day * _activity(s),
        ),
        0.29,
    ),
    Check(
        "sessions that never log in",
        "sessions.anonymous_share",
        share(
            "SELECT count(*) FILTER (customer_id IS NULL), count(*) FROM visits", lambda s: s.sessions.anonymous_share
        ),
        0.33,
    ),
    Check(
        "devices",
        "sessions.devices",
        weights("SELECT device, count(*) FROM session_started GROUP BY 1", lambda s: s.sessions.devices),
        {"mobile": 60},
    ),
    Check(
        "referrers",
        "sessions.referrers",
        weights("SELECT referrer, count(*) FROM session_started GROUP BY 1", lambda s: s.sessions.referrers),
        {"direct": 38},
    ),
    Check(
        "sessions that a campaign brought",
        "sessions.campaign_share",
        share(
            "SELECT count(campaign), count(*) FROM session_started SEMI JOIN visits USING (session_id)",
            lambda s: s.sessions.campaign_share,
        ),
        0.17,
    ),
    Check(
        "a campaign's days among the same weekdays of four weeks, and its own among their sessions",
        "campaigns",
        shares(
            OCCASION.format("dated_campaigns", "day BETWEEN first AND last", "(day - first + 28) % 7 <= last - first"),
            lambda s: _lifted(s.campaigns[0].lift),
        ),
        {0: {"lift": 2.4}},
    ),
    Check(
        "a flash sale's hours among the same hours of four weeks, and its own among their sessions",
        "flash_sales",
        shares(
            OCCASION.format(
                "flash_sales",
                "occurred_at_ms BETWEEN start_ms AND end_ms - 1",
                f"(occurred_at_ms - start_ms + {28 * DAY_MS}) % {7 * DAY_MS} < end_ms - start_ms",
            ),
            lambda s: _lifted(s.flash_sales[0].lift),
        ),
        {0: {"lift": 4.5}},
    ),
    Check(
        "steps of a session",
        "sessions.steps",
        mean("SELECT count(*) AS n FROM steps GROUP BY session_id", lambda s: s.sessions.steps),
        4.3,
    ),
    Check(
        "steps that are a search",
        "funnel.search",
        share("SELECT count(*) FILTER (kind = 'search'), count(*) FROM steps", lambda s: s.funnel.search),
        0.17,
    ),
    Check(
        "steps that are a product's page",
        "funnel.product",
        share("SELECT count(*) FILTER (kind = 'product'), count(*) FROM steps", lambda s: s.funnel.product),
        0.52,
    ),
    Check(
        "sessions with a product view that fill a cart",
        "funnel.cart",
        share(
            "SELECT count(c.session_id), count(*) FROM (SELECT DISTINCT session_id FROM product_viewed)"
            " LEFT JOIN (SELECT DISTINCT session_id FROM cart_item_added) c USING (session_id)",
            lambda s: s.funnel.cart,
        ),
        0.54,
    ),
    Check(
        "products seen once, and not last, that go into a cart",
        "funnel.add",
        share(
            "SELECT count(a.pos), count(*) FROM (FROM product_viewed SEMI JOIN cart_item_added USING (session_id)"
            " QUALIFY count(*) OVER (PARTITION BY session_id, product_id) = 1"
            " AND lead(pos) OVER (PARTITION BY session_id ORDER BY occurred_at_ms) IS NOT NULL)"
            " LEFT JOIN cart_item_added a USING (session_id, product_id)",
            lambda s: s.funnel.add,
        ),
        0.44,
    ),
    Check(
        "items in carts that are taken out again",
        "funnel.remove",
        share(
            "SELECT count(r.pos), count(*) FROM cart_item_added"
            " LEFT JOIN cart_item_removed r USING (session_id, product_id)",
            lambda s: s.funnel.remove,
        ),
        0.17,
    ),
    Check(
        "carts that reach the till, by segment",
        "funnel.checkout",
        shares(
            "SELECT segment, count(c.pos), count(*) FROM kept_carts"
            " LEFT JOIN checkout_started c USING (session_id) GROUP BY 1",
            _checkout,
        ),
        0.66,
    ),
    Check(
        "customers at the till who order",
        "funnel.complete",
        share(
            "SELECT count(o.pos), count(*) FROM checkout_started JOIN session_started s USING (session_id)"
            " LEFT JOIN checkout_completed o USING (session_id) WHERE s.customer_id IS NOT NULL",
            lambda s: s.funnel.complete,
        ),
        0.87,
    ),
    Check(
        "product views by popularity",
        "catalogue.zipf",
        zipf("SELECT count(*) FROM product_viewed GROUP BY product_id", lambda s: s.catalogue.zipf),
        0.95,
    ),
    Check(
        "sign-ups",
        "customers.signups_per_day",
        count(
            "SELECT count(*) FROM customer_registered, weeks WHERE occurred_at_ms BETWEEN first AND last - 1",
            lambda s: 21 * s.customers.signups_per_day,
        ),
        40,
    ),
    Check(
        "customers by country",
        "customers.locales",
        weights(
            "SELECT country, count(*) FROM customer_registered GROUP BY 1",
            lambda s: {locale[-2:]: weight for locale, weight in s.customers.locales.items()},
        ),
        {"fr_FR": 4},
    ),
    Check(
        "customers by segment",
        "customers.segments",
        weights("SELECT segment, count(*) FROM customer_registered GROUP BY 1", lambda s: _by_segment(s, "weight")),
        {"bargain": {"weight": 44}},
    ),
    Check(
        "customers who want mail",
        "customers.marketing_opt_in_share",
        share(
            "SELECT count(*) FILTER (marketing_opt_in), count(*) FROM customer_registered",
            lambda s: s.customers.marketing_opt_in_share,
        ),
        0.5,
    ),
    Check(
        "moves to another address",
        "customers.address_changes_per_year",
        share(
            "SELECT (SELECT count(*) FROM customer_address_changed), n FROM chances",
            lambda s: _per_window(s, s.customers.address_changes_per_year),
        ),
        1.4,
    ),
    Check(
        "changes of mind about mail",
        "customers.preference_changes_per_year",
        share(
            "SELECT (SELECT count(*) FROM customer_preferences_changed), n FROM chances",
            lambda s: _per_window(s, s.customers.preference_changes_per_year),
        ),
        2.6,
    ),
    Check(
        "orders with a discount, by segment",
        "customers.segments",
        shares(
            "SELECT segment, count(*) FILTER (discount_cents > 0), count(*)"
            " FROM order_placed JOIN customer_registered USING (customer_id) GROUP BY 1",
            lambda s: _by_segment(s, "discount_share"),
        ),
        {"regular": {"discount_share": 0.3}},
    ),
    Check(
        "discounts by percentage",
        "orders.discount_percents",
        weights(
            "SELECT round(100 * discount_cents / subtotal_cents)::INTEGER, count(*) FROM order_placed"
            " WHERE discount_cents > 0 GROUP BY 1",
            lambda s: dict.fromkeys(s.orders.discount_percents, 1),
        ),
        {3: 25},
    ),
    Check(
        "payment methods at the first attempt",
        "payments.methods",
        weights(
            "SELECT method, count(*) FROM tries JOIN (SELECT payment_id, method FROM payment_authorised UNION ALL"
            " SELECT payment_id, method FROM payment_declined) USING (payment_id) WHERE number = 1 GROUP BY 1",
            lambda s: s.payments.methods,
        ),
        {"card": 65},
    ),
    Check(
        "payment attempts that are declined",
        "payments.decline",
        share("SELECT count(*) FILTER (type = 'payment_declined'), count(*) FROM tries", lambda s: s.payments.decline),
        0.15,
    ),
    Check(
        "declined payments that are tried again",
        "payments.retry",
        share(
            "SELECT count(*) FILTER (again), count(*) FROM tries WHERE type = 'payment_declined' AND number < 3",
            lambda s: s.payments.retry,
        ),
        0.88,
    ),
    Check(
        "delivered orders that do not come back and whose payment the bank takes back",
        "payments.chargebacks",
        share(
            "SELECT count(b.pos), count(*) FROM (FROM delivered ANTI JOIN order_returned USING (order_id))"
            " LEFT JOIN payment_charged_back b USING (order_id)",
            lambda s: s.payments.chargebacks.share,
        ),
        {"share": 0.14},
    ),
    Check(
        "paid orders that are cancelled",
        "fulfilment.cancelled_share",
        share(
            "SELECT count(c.pos), count(*) FROM (FROM payment_authorised SEMI JOIN old_orders USING (order_id))"
            " LEFT JOIN order_cancelled c USING (order_id)",
            lambda s: s.fulfilment.cancelled_share,
        ),
        0.08,
    ),
    Check(
        "carriers",
        "fulfilment.carriers",
        weights("SELECT carrier, count(*) FROM order_shipped GROUP BY 1", lambda s: s.fulfilment.carriers),
        {"ups": 26},
    ),
    Check(
        "time to capture",
        "fulfilment.capture_hours",
        median(
            DELAY.format("payment_authorised", "payment_captured"),
            lambda s: s.fulfilment.capture_hours * HOUR_MS,
        ),
        0.58,
    ),
    Check(
        "time to ship",
        "fulfilment.ship_hours",
        median(DELAY.format("payment_captured", "order_shipped"), lambda s: s.fulfilment.ship_hours * HOUR_MS),
        2.2,
    ),
    Check(
        "time to deliver",
        "fulfilment.delivery_days",
        median(DELAY.format("order_shipped", "order_delivered"), lambda s: s.fulfilment.delivery_days * DAY_MS),
        0.22,
    ),
    Check(
        "delivered orders that come back",
        "returns.share",
        share(
            "SELECT count(r.pos), count(*) FROM delivered LEFT JOIN order_returned r USING (order_id)",
            lambda s: s.returns.share,
        ),
        0.19,
    ),
    Check(
        "time to return",
        "returns.days",
        median(DELAY.format("order_delivered", "order_returned"), lambda s: s.returns.days * DAY_MS),
        0.38,
    ),
    Check(
        "orders that do not come back and of which some is refunded",
        "returns.goodwill_share",
        share(
            "SELECT count(r.pos), count(*) FROM (FROM delivered ANTI JOIN order_returned USING (order_id))"
            " LEFT JOIN payment_refunded r USING (order_id)",
            lambda s: s.returns.goodwill_share,
        ),
        0.15,
    ),
    Check(
        "lines of delivered orders that are reviewed",
        "reviews.share",
        share(
            "SELECT count(r.pos), count(*) FROM (FROM old_lines SEMI JOIN delivered USING (order_id))"
            " LEFT JOIN review_submitted r USING (order_id, product_id)",
            lambda s: s.reviews.share,
        ),
        0.21,
    ),
    Check(
        "reviews that are removed",
        "reviews.removed_share",
        share(
            "SELECT count(m.pos), count(*) FROM (FROM review_submitted SEMI JOIN old_orders USING (order_id))"
            " LEFT JOIN review_removed m USING (review_id)",
            lambda s: s.reviews.removed_share,
        ),
        0.3,
    ),
    Check(
        "time to review",
        "reviews.days",
        median(DELAY.format("order_delivered", "review_submitted"), lambda s: s.reviews.days * DAY_MS),
        0.25,
    ),
]
