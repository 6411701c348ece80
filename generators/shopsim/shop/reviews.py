"""Reviews by customers who received a product; the rating depends on the product's quality."""

from __future__ import annotations

import numpy as np

from shopsim.calendar.traffic import DAY_MS, HOUR_MS, Period
from shopsim.core.records import Pending, choices
from shopsim.core.rng import Ints, Purpose, RandomStream, lognormal
from shopsim.scenario.sections import Scenario
from shopsim.shop.catalogue import Assortment
from shopsim.shop.fulfilment import Deliveries
from shopsim.shop.orders import Orders
from shopsim.shop.text_pools import BODIES, LEADS_PER_RATING, TITLES_PER_RATING

_REMOVALS = len(choices("review_removed", "reason"))


class Reviews:
    """Simulates reviews and their removal. Mutable: it counts reviews."""

    def __init__(self, scenario: Scenario, seed: int, lane: int) -> None:
        self._settings, self._seed, self._lane = scenario.reviews, seed, lane
        self._wait = _delays(scenario.reviews.days)
        self._removal = _delays(scenario.reviews.removed_days)
        self._count = 0

    def write(
        self, period: Period, orders: Orders, deliveries: Deliveries, products: Assortment, pending: Pending
    ) -> None:
        """Write reviews of some lines of delivered orders."""
        rng = RandomStream(self._seed, self._lane, period.index, Purpose.REVIEWS)
        received = np.full(len(orders.number), -1, dtype=np.int64)
        received[deliveries.order] = deliveries.at_ms
        line = np.flatnonzero(received[orders.line_order] >= 0)
        line = line[rng.chance(self._settings.share, len(line))]
        n = len(line)
        order, product = orders.line_order[line], orders.line_product[line]
        review = self._count + np.arange(n)
        self._count += n
        at = received[order] + rng.sample(self._wait, n)
        rating = _rating(rng, products.quality[product])
        who = {"review_id": review, "product_id": product, "customer_id": orders.customer[order], "rating": rating}
        pending.add(
            "review_submitted",
            at,
            **who,
            order_id=orders.number[order],
            title=(rating - 1) * TITLES_PER_RATING + rng.below(TITLES_PER_RATING, n),
            lead=(rating - 1) * LEADS_PER_RATING + rng.below(LEADS_PER_RATING, n),
            body=rng.below(BODIES, n),
        )
        removed = rng.chance(self._settings.removed_share, n)
        gone = at + rng.sample(self._removal, n)
        some = {name: column[removed] for name, column in who.items()}
        pending.add("review_removed", gone[removed], **some, reason=rng.below(_REMOVALS, int(removed.sum())))


def _rating(rng: RandomStream, quality: Ints) -> Ints:
    """Whole stars around the quality (hundredths of a star), with triangular noise of about one star."""
    n = len(quality)
    noise = rng.between(-120, 120, n) + rng.between(-120, 120, n)
    stars: Ints = np.clip((quality + noise + 50) // 100, 1, 5)
    return stars


def _delays(median_days: float) -> Ints:
    return lognormal(median_days * DAY_MS, 0.7, HOUR_MS, int(median_days * 10 * DAY_MS) + HOUR_MS)
