"""Faults planted into the events of a simulated shop by operations on columns; a seed says which events they hit.

Each fault has a window, in which it must be found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import polars as pl
from benchmarks.anomaly_shops import DAY_H, Shop

from shoplake.contract import TOPICS
from shoplake.quality.anomalies.detector import hits
from shoplake.quality.anomalies.measure_sql import HOUR_MS, Hours
from shoplake.quality.anomalies.measures import Connection, measures_of_tables

LONGEST_SHIFT_H = 3
SOURCE = "events"


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of some hours.

    Attributes:
        kind: name of the kind, as the issue lists them.
        variant: what exactly happens.
        hours: how long it lasts, and the window in which it must be found.
        changes: topic -> SQL that selects the topic's rows with the fault from `rows`, the rows of these hours. It may
            use `$seed`, `$start_ms` and `$hours`.
        from_days: the fault starts this many days after the first tested day, or later.
    """

    kind: str
    variant: str
    hours: int
    changes: Mapping[str, str]
    from_days: int = 3


def _chance(per_thousand: str | int, of: str = "event_id") -> str:
    """A condition that holds for this part of the rows, by seed."""
    return f"hash({of}, $seed) % 1000 < {per_thousand}"


STOP = "SELECT * FROM rows WHERE false"
TENTH = f"SELECT * FROM rows WHERE NOT ({_chance(100)})"  # noqa: S608
OTHER_CURRENCY = "CASE WHEN currency = 'EUR' THEN 'USD' WHEN currency IS NOT NULL THEN 'EUR' END"
RAMP = "(occurred_at_ms - $start_ms) / (30 * 24 * 3600000.0)"
"""From 0 to 1 in 30 days."""

FAULTS = (
    Fault("topic stops", "clicks", 24, {"clicks": STOP}),
    Fault("topic stops", "orders", 24, {"orders": STOP}),
    Fault("tenth missing", "clicks, at random", 2, {"clicks": TENTH}),
    Fault("tenth missing", "orders, at random", 2, {"orders": TENTH}),
    Fault("tenth missing", "all topics, at random", 2, dict.fromkeys(TOPICS, TENTH)),
    Fault(
        "tenth missing",
        "clicks, by session",
        2,
        {"clicks": f"SELECT * FROM rows WHERE NOT ({_chance(100, 'session_id')})"},  # noqa: S608
    ),
    Fault("doubled source", "clicks, same ids", 6, {"clicks": "FROM rows UNION ALL FROM rows"}),
    Fault(
        "doubled source",
        "clicks, new ids",
        6,
        {"clicks": "FROM rows UNION ALL SELECT * REPLACE (event_id || '2' AS event_id) FROM rows"},
    ),
    Fault(
        "doubled source",
        "orders, new ids",
        6,
        {"orders": "FROM rows UNION ALL SELECT * REPLACE (event_id || '2' AS event_id) FROM rows"},
    ),
    Fault(
        "currency mix-up",
        "orders and payments",
        6,
        {"orders": f"SELECT * REPLACE ({OTHER_CURRENCY} AS currency) FROM rows"},  # noqa: S608
    ),
    Fault(
        "currency mix-up",
        "payments",
        6,
        {
            "orders": f"""SELECT * REPLACE (CASE WHEN type LIKE 'payment_%' THEN {OTHER_CURRENCY} ELSE currency END
            AS currency) FROM rows"""  # noqa: S608
        },
    ),
    Fault(
        "price times 100",
        "carts",
        6,
        {"clicks": "SELECT * REPLACE (unit_price_cents * 100 AS unit_price_cents) FROM rows"},
    ),
    Fault(
        "price times 100",
        "orders",
        6,
        {
            "orders": f"""SELECT * REPLACE (
            {", ".join(f"{name}_cents * 100 AS {name}_cents" for name in ("subtotal", "discount", "shipping", "tax", "total"))}
            ) FROM rows"""  # noqa: S608, E501
        },
    ),
    Fault(
        "time-zone shift",
        "orders, two hours late",
        24,
        {"orders": f"SELECT * REPLACE (occurred_at_ms + {2 * HOUR_MS} AS occurred_at_ms) FROM rows"},  # noqa: S608
    ),
    Fault(
        "time-zone shift",
        "clicks, an hour early",
        24,
        {"clicks": f"SELECT * REPLACE (occurred_at_ms - {HOUR_MS} AS occurred_at_ms) FROM rows"},  # noqa: S608
    ),
    Fault(
        "time-zone shift",
        "all topics, an hour late",
        48,
        dict.fromkeys(TOPICS, f"SELECT * REPLACE (occurred_at_ms + {HOUR_MS} AS occurred_at_ms) FROM rows"),  # noqa: S608
    ),
    Fault(
        "null flood",
        "half of session_started.device",
        6,
        {
            "clicks": f"SELECT * REPLACE (CASE WHEN {_chance(500)} THEN NULL ELSE device END AS device) FROM rows"  # noqa: S608
        },
    ),
    Fault(
        "null flood",
        "all of order_placed.session_id",
        24,
        {"orders": "SELECT * REPLACE (NULL AS session_id) FROM rows"},
    ),
    Fault(
        "null flood",
        "all of session_started.customer_id, nullable",
        6,
        {"clicks": "SELECT * REPLACE (NULL AS customer_id) FROM rows"},
    ),
    Fault(
        "new enum value",
        "a twentieth of session_started.device",
        24,
        {
            "clicks": f"""SELECT * REPLACE (CASE WHEN type = 'session_started' AND {_chance(50)} THEN 'television'
            ELSE device END AS device) FROM rows"""  # noqa: S608
        },
    ),
    Fault(
        "new enum value",
        "all of customer_registered.country",
        48,
        {"customers": "SELECT * REPLACE (CASE WHEN country IS NULL THEN NULL ELSE 'XX' END AS country) FROM rows"},
    ),
    Fault(
        "drift of the return rate",
        "doubles in 30 days",
        45 * DAY_H,
        {
            # As many deliveries in a thousand as are returned, times the ramp, are returned once more.
            "orders": f"""FROM rows UNION ALL SELECT * REPLACE ('order_returned' AS type, event_id || 'r' AS event_id,
            'changed_mind' AS reason, occurred_at_ms + 6 * 24 * {HOUR_MS} + (CAST(hash(event_id) % 144 AS BIGINT) - 72)
            * {HOUR_MS} AS occurred_at_ms) FROM rows
            WHERE type = 'order_delivered' AND hash(event_id, $seed) % 1000 < $returned * least({RAMP}, 1)"""  # noqa: S608
        },
        from_days=20,
    ),
)


@dataclass(frozen=True, slots=True)
class Found:
    """Result of the search for a planted fault.

    Attributes:
        delay_h: hours from its start to the end of the hour in which it was found; None if it was not.
        kinds: kinds of the measures that found it in its window.
    """

    delay_h: int | None
    kinds: frozenset[str]


def start_of(fault: Fault, shop: Shop, seed: int) -> int:
    """The first hour of the fault: any from 8 to 20 o'clock, UTC, in which nothing was announced."""
    rng = np.random.default_rng([seed, sum(map(ord, fault.kind + fault.variant))])
    last = (shop.end - shop.tested - fault.hours) // DAY_H - 1
    while True:
        start = shop.tested + int(rng.integers(fault.from_days, last)) * DAY_H + int(rng.integers(8, 20))
        if fault.hours > 7 * DAY_H or not any(a.first < start + fault.hours and start < a.end for a in shop.announced):
            return start


def plant(fault: Fault, shop: Shop, seed: int, returned: float) -> tuple[int, pl.DataFrame]:
    """The first hour of the fault, and the measures of the shop with it.

    Args:
        fault: to plant.
        shop: with its events.
        seed: of the start and of the rows that are hit.
        returned: share of deliveries that are returned without a fault.
    """
    start = start_of(fault, shop, seed)
    end = start + fault.hours
    around = Hours(start - LONGEST_SHIFT_H, min(end + LONGEST_SHIFT_H, shop.end))
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{shop.file}' AS {SOURCE} (READ_ONLY)")
        for topic in TOPICS:
            table = f'{SOURCE}.main."{topic}"'
            change = fault.changes.get(topic)
            if change is None:
                connection.execute(f'CREATE VIEW "{topic}" AS FROM {table}')
                continue
            inside = Hours(start, end).sql()
            changed = (
                change.replace("$seed", str(seed))
                .replace("$start_ms", str(start * HOUR_MS))
                .replace("$returned", str(returned * 1000))
                .replace("rows", f"(FROM {table} WHERE {inside}) AS rows")
            )
            connection.execute(f'CREATE TABLE "{topic}_changed" AS {changed}')
            connection.execute(
                f'CREATE VIEW "{topic}" AS FROM {table} WHERE NOT ({inside}) UNION ALL FROM "{topic}_changed"'
            )
        measured = measures_of_tables(Connection(connection), "main", around)
    kept = shop.measures.filter(~pl.col("hour").is_between(around.first, around.end, closed="left"))
    return start, pl.concat([kept, measured])


def look_for(
    fault: Fault, shop: Shop, clean: pl.DataFrame, seed: int, returned: float, kinds: tuple[str, ...] = ()
) -> Found:
    """Plant a fault and look for it.

    Args:
        fault: to plant.
        shop: with its events.
        clean: hits of the shop without the fault; they do not count.
        seed: of the start and of the rows that are hit.
        returned: share of deliveries that are returned without a fault.
        kinds: only these kinds of measures count; all if empty.
    """
    start, measured = plant(fault, shop, seed, returned)
    until = min((start + fault.hours) // DAY_H * DAY_H + 2 * DAY_H, shop.end)
    found = hits(measured, shop.first, until, shop.announced, time_zone=shop.time_zone)
    key = ["series", "kind", "start", "end"]
    new = found.join(clean, on=key, how="anti").filter(
        (pl.col("end") > start) & (pl.col("end") <= start + fault.hours + 1)
    )
    if kinds:
        new = new.filter(pl.col("kind").is_in(kinds))
    if not new.height:
        return Found(None, frozenset())
    first = new["end"].min()
    assert isinstance(first, int)  # noqa: S101
    return Found(first - start, frozenset(new["kind"]))
