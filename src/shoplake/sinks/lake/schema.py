"""The Iceberg schema of the lake's tables, derived from the contract. It imports no catalogue and no client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from pyiceberg.schema import Schema
from pyiceberg.types import (
    BooleanType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

if TYPE_CHECKING:
    from shoplake.contract import Topic

_SIMPLE: dict[type[pl.DataType], type[IcebergType]] = {
    pl.String: StringType,
    pl.Int64: LongType,
    pl.Boolean: BooleanType,
    pl.Float64: DoubleType,
}


def table_schema(topic: Topic) -> Schema:
    """Iceberg schema of a topic's table: its columns, the event's time and its place in the log."""
    ids = iter(range(1, 1000))

    def convert(kind: Any) -> IcebergType:  # noqa: ANN401 - polars' dtype or its class
        if isinstance(kind, pl.List):
            return ListType(element_id=next(ids), element_type=convert(kind.inner), element_required=False)
        if isinstance(kind, pl.Struct):
            return StructType(*(NestedField(next(ids), f.name, convert(f.dtype)) for f in kind.fields))
        return _SIMPLE[kind if isinstance(kind, type) else type(kind)]()

    fields = [NestedField(next(ids), name, convert(kind)) for name, kind in topic.columns.items()]
    return Schema(
        *fields,
        NestedField(next(ids), "occurred_at", TimestamptzType()),
        NestedField(next(ids), "kafka_partition", IntegerType()),
        NestedField(next(ids), "kafka_offset", LongType()),
    )
