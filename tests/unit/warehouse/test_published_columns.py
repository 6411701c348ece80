"""A gold table that an older model has published gets the columns of today's model, in their order."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog

from shoplake.warehouse.publish import change_columns

OLD = {"key": pa.string(), "day": pa.date32(), "orders": pa.int64(), "gone": pa.int64()}


@pytest.mark.parametrize(
    "new",
    [
        {"key": pa.string(), "day": pa.date32(), "orders": pa.int64()},
        {"key": pa.string(), "returned": pa.int64(), "day": pa.date32(), "orders": pa.int64(), "last": pa.string()},
        {"first": pa.string(), "orders": pa.int64(), "key": pa.string(), "day": pa.date32()},
        {"other": pa.int64()},
    ],
)
def test_columns_are_those_of_the_model_in_its_order(new: dict[str, pa.DataType], tmp_path: Path) -> None:
    catalog = SqlCatalog("files", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}")
    catalog.create_namespace("gold")
    table = catalog.create_table(("gold", "mart"), schema=pa.schema(OLD))
    table.append(pa.table({"key": ["a"], "day": [None], "orders": [3], "gone": [1]}, schema=pa.schema(OLD)))
    change_columns(table, pa.schema(new))
    changed = catalog.load_table(("gold", "mart"))
    assert changed.schema().column_names == list(new)
    (row,) = changed.scan().to_arrow().to_pylist()
    assert row == {name: {"key": "a", "orders": 3}.get(name) for name in new}
