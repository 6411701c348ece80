"""Topic `inventory`, keyed by product: stock movements of each warehouse.

`on_hand` is the quantity in the warehouse, `reserved` the part of it that is promised to orders.
"""

from __future__ import annotations

from shoplake.contract.base import Event, Id, Quantity


class StockReceived(Event, frozen=True, kw_only=True, tag="stock_received"):
    """Goods arrived: on_hand grows."""

    product_id: Id
    warehouse_id: Id
    quantity: Quantity


class StockReserved(Event, frozen=True, kw_only=True, tag="stock_reserved"):
    """Goods were reserved for an order: reserved grows."""

    product_id: Id
    warehouse_id: Id
    order_id: Id
    quantity: Quantity


class StockReleased(Event, frozen=True, kw_only=True, tag="stock_released"):
    """The order was cancelled: reserved shrinks."""

    product_id: Id
    warehouse_id: Id
    order_id: Id
    quantity: Quantity


class StockShipped(Event, frozen=True, kw_only=True, tag="stock_shipped"):
    """Goods left the warehouse in a parcel: on_hand and reserved both shrink."""

    product_id: Id
    warehouse_id: Id
    order_id: Id
    quantity: Quantity


class StockReturned(Event, frozen=True, kw_only=True, tag="stock_returned"):
    """Returned goods arrived: on_hand grows."""

    product_id: Id
    warehouse_id: Id
    order_id: Id
    quantity: Quantity
