"""The lake's tables follow the contract, in a real catalogue on files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.table import Table

from shoplake.contract import TOPICS, products
from shoplake.sinks.lake import sink as lake
from shoplake.sinks.lake.schema import table_schema
from shoplake.sinks.lake.tables import add_new_columns, create_table, of_columns_held

from .small_log import frame

LAUNCHED = ("product_launched", {"product_id": "p1", "name": "Mug", "model_id": "m1", "variant": "Blue"})


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return load_catalog("test", type="sql", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}")


OLDER = replace(TOPICS["products"], events=(products.ProductPriceChanged, products.ProductDiscontinued))
PRODUCTS = TOPICS["products"]


def append(table: Table, events: pl.DataFrame) -> None:
    """As the sink does."""
    rows = lake.to_arrow("products", events)
    add_new_columns(table, PRODUCTS, rows)
    table.refresh().append(of_columns_held(table, rows))


def test_a_table_gains_the_columns_of_a_newer_contract_with_their_first_value_and_keeps_its_rows(
    catalog: Catalog,
) -> None:
    table = create_table(catalog, "shop", OLDER)
    held = table_schema(OLDER).column_names
    append(table, frame("products", ("product_discontinued", {"product_id": "p1"})))
    assert table.schema().column_names == held  # as an older `verify` wants it

    append(table, frame("products", LAUNCHED, first_offset=1))

    assert set(table.schema().column_names) == {*held, "name", "model_id", "variant"}
    rows = table.scan(selected_fields=("kafka_offset", "product_id", "variant")).to_arrow().sort_by("kafka_offset")
    assert rows.to_pylist() == [
        {"kafka_offset": 0, "product_id": "p1", "variant": None},
        {"kafka_offset": 1, "product_id": "p1", "variant": "Blue"},
    ]


def test_of_two_sinks_that_add_one_column_each_goes_on(catalog: Catalog) -> None:
    first, second = create_table(catalog, "shop", OLDER), create_table(catalog, "shop", OLDER)
    rows = lake.to_arrow("products", frame("products", LAUNCHED))
    assert (add_new_columns(first, PRODUCTS, rows), add_new_columns(second, PRODUCTS, rows)) == (True, True)
    assert not add_new_columns(second.refresh(), PRODUCTS, rows)
    second.append(of_columns_held(second, rows))
    assert len(first.refresh().scan().to_arrow()) == 1


def test_a_table_with_all_columns_is_not_changed(catalog: Catalog) -> None:
    made = create_table(catalog, "shop", TOPICS["orders"])
    assert create_table(catalog, "shop", TOPICS["orders"]).metadata == made.metadata
