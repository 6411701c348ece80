"""Records, which are numbers, to the contract's columns, which have text. One call per window, for all lanes at once.

A field is rendered by its name and its type in the contract (an id, a choice, a plain number); the few that are more
than that have an expression in `_special`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from shoplake.contract import EVENTS, columns_of
from shopsim import ids
from shopsim.catalogue import Assortment
from shopsim.draws import Ints
from shopsim.lane import sequence
from shopsim.records import LAYOUT, LINES, choices, empty
from shopsim.scenario import Scenario
from shopsim.text import Pools

LANE = pl.Int16
SCHEMAS: dict[str, pl.Schema] = {
    name: pl.Schema({**columns_of(event), "lane": LANE, "seq": pl.Int64}) for name, event in EVENTS.items()
}
"""Columns of each type's frame: the contract's, then `lane` and `seq`."""

_MAIL_DOMAIN = "example.com"


class Renderer:
    """Makes frames for one scenario and seed. Mutable: it keeps the text of products that it has met."""

    def __init__(self, scenario: Scenario, space: str, pools: Pools) -> None:
        self._space, self._pools = space, pools
        self._currency = pl.lit(scenario.currency)
        self._campaigns = pl.Series(list(scenario.sessions.campaigns), dtype=pl.String)
        self._categories = pl.Series([c.name for c in scenario.catalogue.categories], dtype=pl.String)
        self._product_ids: list[str] = []
        self._product_names: list[str] = []
        self._products = pl.Series([], dtype=pl.String)
        self._names = pl.Series([], dtype=pl.String)

    def render(
        self, window: int, lanes: Sequence[int], happened: Sequence[dict[str, Ints]], products: Assortment
    ) -> Mapping[str, pl.DataFrame]:
        """Frames of a window, one per event type of the contract, sorted by (occurred_at_ms, lane, seq).

        Args:
            window: its number.
            lanes: numbers of the lanes.
            happened: the records of each of those lanes.
            products: the window's assortment.
        """
        self._meet(products)
        sequences = [sequence(records) for records in happened]
        lines = self._lines(lanes, happened)
        frames = {}
        for event_type in EVENTS:
            rows = _rows(event_type, lanes, happened, sequences)
            if rows is None:
                frames[event_type] = SCHEMAS[event_type].to_frame()
                continue
            if event_type == "order_placed":
                rows = rows.join(lines, on=["lane", "order_id"], how="left", maintain_order="left")
            frames[event_type] = rows.select(self._columns(event_type, window, products))
        return frames

    def _meet(self, products: Assortment) -> None:
        known = len(self._product_ids)
        if known == len(products):
            return
        self._product_ids += [ids.product(self._space, n) for n in range(known, len(products))]
        self._product_names += self._pools.product_names(products.category[known:], products.naming[:, known:])
        self._products = pl.Series(self._product_ids)
        self._names = pl.Series(self._product_names)

    def _columns(self, event_type: str, window: int, products: Assortment) -> list[pl.Expr]:
        special = self._special(event_type, products)
        columns = []
        for name, dtype in SCHEMAS[event_type].items():
            if name in ("lane", "seq"):
                column = pl.col(name)
            elif name == "event_id":
                column = ids.event(self._space, window)
            elif name in special:
                column = special[name]
            elif name in ids.PREFIXES:
                column = ids.owned(ids.PREFIXES[name], self._space, pl.col(name))
            elif name == "product_id":
                column = _from(self._products, name)
            elif dtype == pl.String:
                column = _from(pl.Series(choices(event_type, name)), name)
            else:
                column = pl.col(name).cast(dtype)
            columns.append(column.alias(name))
        return columns

    def _special(self, event_type: str, products: Assortment) -> dict[str, pl.Expr]:
        pools = self._pools
        common = {"currency": self._currency, "warehouse_id": ids.warehouse(self._space)}
        address = {
            "street": pl.format("{} {}", _from(pools.streets, "street"), pl.col("number")),
            "postcode": _from(pools.postcodes, "place"),
            "city": _from(pools.cities, "place"),
            "country": _from(pools.countries, "place"),
        }
        mail = (_from(pools.first_mails, "first_name"), _from(pools.last_mails, "last_name"), "lane", "customer_id")
        own: dict[str, dict[str, pl.Expr]] = {
            "customer_registered": address
            | {
                "name": pl.format(
                    "{} {}", _from(pools.first_names, "first_name"), _from(pools.last_names, "last_name")
                ),
                "email": pl.format(f"{{}}.{{}}.{{}}-{{}}@{_MAIL_DOMAIN}", *mail),
            },
            "customer_address_changed": address,
            "product_launched": {
                "name": _from(self._names, "product_id"),
                "category": _from(self._categories.gather(products.category), "product_id"),
                "model_id": pl.lit(None, pl.String),
                "variant": pl.lit(None, pl.String),
            },
            "session_started": {"campaign": _from(self._campaigns, "campaign")},
            "search_performed": {"query": _from(pools.queries, "query")},
            "review_submitted": {
                "title": _from(pools.titles, "title"),
                "body": pl.format("{} {}", _from(pools.leads, "lead"), _from(pools.bodies, "body")),
            },
            "order_placed": {"lines": pl.col("lines")},
        }
        return common | own.get(event_type, {})

    def _lines(self, lanes: Sequence[int], happened: Sequence[dict[str, Ints]]) -> pl.DataFrame:
        """The lines of each order as one list: columns lane, order_id (a number), lines."""
        rows = _frame(LINES, *_stacked(LINES, lanes, happened))
        line = pl.struct(_from(self._products, "product_id"), pl.col("quantity"), pl.col("unit_price_cents"))
        return rows.group_by("lane", "order_id", maintain_order=True).agg(line.alias("lines"))


def _rows(
    event_type: str,
    lanes: Sequence[int],
    happened: Sequence[dict[str, Ints]],
    sequences: Sequence[dict[str, Ints]],
) -> pl.DataFrame | None:
    """The records of a type of all lanes as sorted numbers, with `lane` and `seq`; None when there are none."""
    positions = [s[event_type] for s in sequences if event_type in s]
    if not positions:
        return None
    records, lane = _stacked(event_type, lanes, happened)
    seq = np.concatenate(positions)
    # Sorted as numbers, before there is any text to move.
    order = np.lexsort((seq, lane, records[0]))
    return _frame(event_type, records[:, order], lane[order]).with_columns(pl.Series("seq", seq[order]))


def _stacked(
    record_type: str, lanes: Sequence[int], happened: Sequence[dict[str, Ints]]
) -> tuple[Ints, npt.NDArray[np.int16]]:
    parts = [records.get(record_type, empty(record_type)) for records in happened]
    lane = np.repeat(np.array(lanes, dtype=np.int16), [part.shape[1] for part in parts])
    return np.concatenate(parts, axis=1), lane


def _frame(record_type: str, records: Ints, lane: npt.NDArray[np.int16]) -> pl.DataFrame:
    columns = [pl.Series(name, column) for name, column in zip(LAYOUT[record_type], records, strict=True)]
    return pl.DataFrame([*columns, pl.Series("lane", lane)])


def _from(pool: pl.Series, column: str) -> pl.Expr:
    """Entries of a pool by their numbers in a column; null where the number is negative."""
    number = pl.col(column)
    return pl.lit(pool).gather(pl.when(number >= 0).then(number)).alias(column)
