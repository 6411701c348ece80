"""Kinds of checks that something happens as often as a scenario asks: a query that counts, and how to judge it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import shopsim

from . import standard_errors
from .shop import Shop

Judge = Callable[[Shop, shopsim.Scenario], float]
"""A shop, and the scenario that it should be of -> standard errors between them."""

VIEWS = """
CREATE VIEW weeks AS SELECT min(occurred_at_ms) // 86400000 * 86400000 + 86400000 AS first,
  min(occurred_at_ms) // 86400000 * 86400000 + 22 * 86400000 AS last, max(occurred_at_ms) AS ends FROM happened;
-- All that follows these orders has happened: no delay is longer than eight of its medians.
CREATE VIEW old_orders AS SELECT o.* FROM order_placed o, weeks WHERE occurred_at_ms < ends - 8 * 86400000;
CREATE VIEW old_lines AS SELECT l.* FROM order_lines l SEMI JOIN old_orders USING (order_id);
CREATE VIEW delivered AS FROM order_delivered SEMI JOIN old_orders USING (order_id);
CREATE VIEW visits AS SELECT session_id, customer_id, occurred_at_ms FROM session_started, weeks
  WHERE occurred_at_ms BETWEEN first AND last - 1;
-- Customers of the first hour are as many in each week, others are not.
CREATE VIEW regulars AS SELECT customer_id FROM customer_registered, weeks WHERE occurred_at_ms < first - 23 * 3600000;
-- Seasons are those of each customer's own clock.
CREATE VIEW regular_visits AS SELECT v.*, epoch_ms(occurred_at_ms) AT TIME ZONE 'UTC' AT TIME ZONE zone AS began
  FROM visits v SEMI JOIN regulars USING (customer_id)
  JOIN (SELECT customer_id, zone FROM customer_registered JOIN countries USING (country)) USING (customer_id);
CREATE VIEW regular_sessions AS SELECT s.*, local_day(s.occurred_at_ms, zone) AS day
  FROM session_started s SEMI JOIN regulars USING (customer_id)
  JOIN (SELECT customer_id, zone FROM customer_registered JOIN countries USING (country)) USING (customer_id), weeks
  WHERE s.occurred_at_ms >= first;
CREATE VIEW steps AS SELECT session_id, 'page' AS kind FROM page_viewed
  UNION ALL SELECT session_id, 'search' FROM search_performed
  UNION ALL SELECT session_id, 'product' FROM product_viewed;
CREATE VIEW tries AS SELECT *, row_number() OVER attempt AS number, lead(pos) OVER attempt IS NOT NULL AS again
  FROM attempts SEMI JOIN old_orders USING (order_id) WINDOW attempt AS (PARTITION BY order_id ORDER BY pos);
CREATE VIEW kept_carts AS SELECT c.session_id, coalesce(r.segment, 'anonymous') AS segment
  FROM (SELECT DISTINCT session_id FROM carts) c JOIN session_started s USING (session_id)
  LEFT JOIN customer_registered r USING (customer_id);
-- In each window that begins after a customer registered, something may happen to them.
CREATE VIEW chances AS SELECT sum((SELECT count(DISTINCT window_no) FROM happened) - 1 - window_no)::BIGINT AS n
  FROM customer_registered JOIN happened USING (pos);
"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that happens as often as asked.

    Attributes:
        what: in words.
        key: of the scenario, where the asking is done.
        judge: how surprising a shop is.
        wrong: another value of the key; a shop that has it must be too surprising.
    """

    what: str
    key: str
    judge: Judge
    wrong: Any


def share(query: str, asked: Callable[[shopsim.Scenario], float]) -> Judge:
    """The query gives how often it happened and how often it could have."""

    def judge(shop: Shop, scenario: shopsim.Scenario) -> float:
        happened, tried = shop.sql.execute(query).fetchone() or (0, 0)
        return standard_errors.of_shares({"all": asked(scenario)}, {"all": (happened, tried)})

    return judge


def shares(query: str, asked: Callable[[shopsim.Scenario], Mapping[str, float]]) -> Judge:
    """The same for groups: the query gives the group, how often it happened and how often it could have."""

    def judge(shop: Shop, scenario: shopsim.Scenario) -> float:
        rows = shop.sql.execute(query).fetchall()
        return standard_errors.of_shares(asked(scenario), {group: (happened, tried) for group, happened, tried in rows})

    return judge


def median(query: str, asked_ms: Callable[[shopsim.Scenario], float]) -> Judge:
    """The query gives lengths of time in ms, in a column `ms`: half of them are below the median."""

    def judge(shop: Shop, scenario: shopsim.Scenario) -> float:
        below = f"SELECT count(*) FILTER (ms < {asked_ms(scenario)}), count(*) FROM ({query})"
        return share(below, lambda _: 0.5)(shop, scenario)

    return judge


def weights(query: str, asked: Callable[[shopsim.Scenario], Mapping[str, float]]) -> Judge:
    """The query gives choices and how often they were made."""

    def judge(shop: Shop, scenario: shopsim.Scenario) -> float:
        return standard_errors.of_weights(asked(scenario), dict(shop.sql.execute(query).fetchall()))

    return judge


def mean(query: str, asked: Callable[[shopsim.Scenario], float]) -> Judge:
    """The query gives numbers, in a column `n`."""

    def judge(shop: Shop, scenario: shopsim.Scenario) -> float:
        found = shop.sql.execute(f"SELECT avg(n), stddev(n), count(n) FROM ({query})").fetchone()
        return standard_errors.of_mean(asked(scenario), *(found or (0, 1, 1)))

    return judge


def count(query: str, asked: Callable[[shopsim.Scenario], float]) -> Judge:
    """The query gives how often something happened that happens at any time."""

    def judge(shop: Shop, scenario: shopsim.Scenario) -> float:
        (happened,) = shop.sql.execute(query).fetchone() or (0,)
        return standard_errors.of_count(asked(scenario), happened)

    return judge


def zipf(query: str, asked: Callable[[shopsim.Scenario], float]) -> Judge:
    """The query gives how often each thing was chosen."""
    return lambda shop, scenario: standard_errors.of_zipf(
        asked(scenario), [n for (n,) in shop.sql.execute(query).fetchall()]
    )
