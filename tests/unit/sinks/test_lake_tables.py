"""The lake's tables follow the contract, in a real catalogue on files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pyiceberg.catalog import Catalog, load_catalog

from shoplake.contract import TOPICS, products
from shoplake.sinks.lake import sink as lake
from shoplake.sinks.lake.tables import create_table, table_schema

from .small_log import frame

LAUNCHED = ("product_launched", {"product_id": "p1", "name": "Mug", "model_id": "m1", "variant": "Blue"})


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return load_catalog("test", type="sql", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}")


def test_a_table_gains_the_columns_that_the_contract_has_gained_and_keeps_its_rows(catalog: Catalog) -> None:
    older = replace(TOPICS["products"], events=(products.ProductPriceChanged, products.ProductDiscontinued))
    table = create_table(catalog, "shop", older)
    held = [field.name for field in table_schema(older).fields]
    table.append(lake.to_arrow("products", frame("products", LAUNCHED)).select(held))

    table = create_table(catalog, "shop", TOPICS["products"])
    table.append(lake.to_arrow("products", frame("products", LAUNCHED, first_offset=1)))

    assert set(table.schema().column_names) == set(table_schema(TOPICS["products"]).column_names)
    rows = table.scan(selected_fields=("kafka_offset", "product_id", "variant")).to_arrow().sort_by("kafka_offset")
    assert rows.to_pylist() == [
        {"kafka_offset": 0, "product_id": "p1", "variant": None},
        {"kafka_offset": 1, "product_id": "p1", "variant": "Blue"},
    ]


def test_a_table_that_has_all_columns_is_left_alone(catalog: Catalog) -> None:
    made = create_table(catalog, "shop", TOPICS["orders"])
    assert create_table(catalog, "shop", TOPICS["orders"]).metadata == made.metadata
