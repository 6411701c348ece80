"""Render records (numbers) as the contract's columns (text). One call renders several windows of all lanes.

A field is rendered by its name and its type in the contract: an id, a choice or a plain number. The few exceptions have
an entry in `_special`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np
import polars as pl
import pyarrow as pa

from shoplake.contract import EVENTS, TOPIC_OF, columns_of
from shopsim.core.ids import PREFIXES, Ids, take_or_null
from shopsim.core.records import LAYOUT, LINES, choices
from shopsim.core.rng import Ints
from shopsim.engine.interleave import SortedRecords
from shopsim.scenario.sections import Scenario
from shopsim.shop.campaign_attribution import campaign_names
from shopsim.shop.catalogue import Assortment
from shopsim.shop.currencies import ExchangeRates
from shopsim.shop.text_pools import Pools

LANE = pl.Int16
SCHEMAS: dict[str, pl.Schema] = {
    name: pl.Schema({**columns_of(event), "lane": LANE, "seq": pl.Int64}) for name, event in EVENTS.items()
}
"""Columns of each type's frame: the contract's, then `lane` and `seq`."""

_MAIL_DOMAIN = "@example.com"

Column = Callable[["Rows"], pl.Series]


class Rows:
    """The records of one type, by field."""

    def __init__(self, event_type: str, happened: SortedRecords) -> None:
        self.happened = happened
        self._fields: dict[str, Ints] = dict(zip(LAYOUT[event_type], happened.records, strict=True))

    def __getitem__(self, field: str) -> Ints:
        return self._fields[field]

    def pick(self, pool: pl.Series, field: str) -> pl.Series:
        """Entries of a pool by the numbers in a field; a negative number gives null."""
        return take_or_null(pool, self._fields[field])


class Renderer:
    """Builds the frames of one scenario and seed. Mutable: it caches the text of products."""

    def __init__(self, scenario: Scenario, space: str, pools: Pools, topics: Collection[str]) -> None:
        self._pools, self._ids = pools, Ids(space, scenario.lanes)
        self._list_currency = scenario.currency
        self._currencies = pl.Series(ExchangeRates(scenario).currencies, dtype=pl.String)
        self._campaigns = pl.Series(campaign_names(scenario), dtype=pl.String)
        self._categories = pl.Series([c.name for c in scenario.catalogue.categories], dtype=pl.String)
        self._product_ids = self._names = self._variants = self._shelves = pl.Series([], dtype=pl.String)
        self._columns = {name: self._columns_of(name) for name in EVENTS if TOPIC_OF[name].name in topics}

    def render(self, happened: Mapping[str, SortedRecords], products: Assortment) -> Mapping[str, pl.DataFrame]:
        """Frames of a batch of windows, one per event type of the topics, sorted by (occurred_at_ms, lane, seq).

        Args:
            happened: the records of the windows.
            products: the assortment of the windows.
        """
        self._add_products(products)
        frames = {}
        for event_type, columns in self._columns.items():
            if event_type not in happened:
                frames[event_type] = SCHEMAS[event_type].to_frame()
                continue
            mine = happened[event_type]
            rows = Rows(event_type, mine)
            rendered = {name: column(rows) for name, column in columns.items()}
            rendered["event_id"] = self._ids.events(mine.window, mine.lane, mine.seq)
            if event_type == "order_placed":
                rendered["lines"] = self._lines(happened[LINES])
            rendered |= {"lane": pl.Series(mine.lane), "seq": pl.Series(mine.seq)}
            frames[event_type] = pl.DataFrame([rendered[name].alias(name) for name in SCHEMAS[event_type]])
        return frames

    def _add_products(self, products: Assortment) -> None:
        known = len(self._product_ids)
        if known == len(products):
            return
        category, naming = products.category[known:], products.naming[:, known:]
        ids = [self._ids.product(number) for number in range(known, len(products))]
        variants = self._pools.variants(category, naming, products.variant[known:])
        self._product_ids = pl.concat([self._product_ids, pl.Series(ids)], rechunk=True)
        self._names = pl.concat([self._names, pl.Series(self._pools.product_names(category, naming))], rechunk=True)
        self._variants = pl.concat([self._variants, pl.Series(variants, dtype=pl.String)], rechunk=True)
        self._shelves = pl.concat([self._shelves, self._categories.gather(category)], rechunk=True)

    def _columns_of(self, event_type: str) -> dict[str, Column]:
        """The function for each column, except columns that need more than the records of their type."""
        special = self._special(event_type)
        derived = ("event_id", "lines", "lane", "seq")
        return {
            name: special.get(name) or self._column(event_type, name, dtype)
            for name, dtype in SCHEMAS[event_type].items()
            if name not in derived
        }

    def _column(self, event_type: str, name: str, dtype: pl.DataType) -> Column:
        if name in PREFIXES:
            return lambda rows: self._ids.owned(name, rows.happened.lane, rows[name])
        if dtype == pl.String:
            pool = pl.Series(choices(event_type, name))
            return lambda rows: rows.pick(pool, name)
        if dtype == pl.Int64:
            return lambda rows: pl.Series(rows[name])
        return lambda rows: pl.Series(rows[name]).cast(dtype)

    def _special(self, event_type: str) -> dict[str, Column]:
        pools = self._pools
        common: dict[str, Column] = {
            "product_id": lambda rows: rows.pick(self._product_ids, "product_id"),
            "currency": lambda rows: rows.pick(self._currencies, "currency"),
            "warehouse_id": lambda rows: self._ids.warehouses(rows.happened.lane),
        }
        address: dict[str, Column] = {
            "street": lambda rows: (
                rows.pick(pools.street_heads, "street")
                + pl.Series(rows["number"]).cast(pl.String)
                + rows.pick(pools.street_tails, "street")
            ),
            "postcode": lambda rows: rows.pick(pools.postcodes, "place"),
            "city": lambda rows: rows.pick(pools.cities, "place"),
            "country": lambda rows: rows.pick(pools.countries, "place"),
        }
        own: dict[str, dict[str, Column]] = {
            "customer_registered": address | {"name": self._full_name, "email": self._email},
            "customer_address_changed": address,
            "product_launched": {
                "name": lambda rows: rows.pick(self._names, "product_id"),
                "category": lambda rows: rows.pick(self._shelves, "product_id"),
                "currency": lambda rows: pl.Series([self._list_currency]).new_from_index(0, len(rows["product_id"])),
                "model_id": lambda rows: self._ids.models(rows["model_id"]),
                "variant": lambda rows: rows.pick(self._variants, "product_id"),
            },
            "session_started": {"campaign": lambda rows: rows.pick(self._campaigns, "campaign")},
            "search_performed": {"query": lambda rows: rows.pick(pools.queries, "query")},
            "review_submitted": {
                "title": lambda rows: rows.pick(pools.titles, "title"),
                "body": lambda rows: rows.pick(pools.leads, "lead") + " " + rows.pick(pools.bodies, "body"),
            },
        }
        return common | own.get(event_type, {})

    def _full_name(self, rows: Rows) -> pl.Series:
        return rows.pick(self._pools.first_names, "first_name") + " " + rows.pick(self._pools.last_names, "last_name")

    def _email(self, rows: Rows) -> pl.Series:
        first, last = rows.pick(self._pools.first_mails, "first_name"), rows.pick(self._pools.last_mails, "last_name")
        lane, number = pl.Series(rows.happened.lane).cast(pl.String), pl.Series(rows["customer_id"]).cast(pl.String)
        return first + "." + last + "." + lane + "-" + number + _MAIL_DOMAIN

    def _lines(self, lines: SortedRecords) -> pl.Series:
        """The lines of each order as one list, in the order of the orders."""
        line = Rows(LINES, lines)
        # Orders are sorted by (time, lane), and then by their numbers.
        place = np.lexsort((line["order_id"], lines.lane, line["occurred_at_ms"]))
        number = line["order_id"][place]
        first = np.flatnonzero((np.diff(number, prepend=-1) != 0) | (np.diff(lines.lane[place], prepend=-1) != 0))
        found = pl.DataFrame(
            {
                "product_id": take_or_null(self._product_ids, line["product_id"][place]),
                "quantity": line["quantity"][place],
                "unit_price_cents": line["unit_price_cents"][place],
            }
        )
        offsets = pa.array(np.append(first, len(number)))
        return pl.Series(pa.LargeListArray.from_arrays(offsets, found.to_struct().to_arrow()))
