"""Topic `inventory`, keyed by product: what each warehouse holds, as movements.

`on_hand` is what lies in the warehouse, `reserved` what of it is promised to an order.
"""

from __future__ import annotations

from shoplake.contract.base import Event, Id, Quantity


class StockReceived(Event, frozen=True, kw_only=True, tag="stock_received"):
    """Goods came in: on_hand grows."""

    product_id: Id
    warehouse_id: Id
    quantity: Quantity


class StockReserved(Event, frozen=True, kw_only=True, tag="stock_reserved"):
    """Promised to an order: reserved grows."""

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
    """Left with a parcel: on_hand and reserved both shrink."""

    product_id: Id
    warehouse_id: Id
    order_id: Id
    quantity: Quantity


class StockReturned(Event, frozen=True, kw_only=True, tag="stock_returned"):
    """Came back with a return: on_hand grows."""

    product_id: Id
    warehouse_id: Id
    order_id: Id
    quantity: Quantity
