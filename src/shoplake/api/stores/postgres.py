"""Orders from Postgres. Each read is one statement, so that rows and positions are of one snapshot."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any, ClassVar, TypeVar

import msgspec
import psycopg
from psycopg import sql
from psycopg.errors import QueryCanceled
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from psycopg_pool import TooManyRequests as PoolFull

from shoplake.api.stores.base import Store
from shoplake.errors import StoreDown, TooManyRequests
from shoplake.positions import Place, Positions
from shoplake.settings import PostgresSettings

T = TypeVar("T")
Row = dict[str, Any]

CONNECTIONS = 8
WAIT_FOR_CONNECTION_S = 2.0
WAITING_AT_MOST = 100
STATEMENT_S = 5.0
TOPICS = ("orders",)
"""Source of orders, items, payments and shipments."""
AMBIGUOUS_AT_MOST = 20
"""Customers of one order id that are read."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Conditions on orders; None is none."""

    customer_id: str | None = None
    status: str | None = None
    currency: str | None = None
    placed_from: datetime | None = None
    placed_before: datetime | None = None


class PostgresStore(Store):
    """Reads through a pool of connections that cannot write."""

    name: ClassVar[str] = "postgres"
    errors = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)

    def __init__(self, settings: PostgresSettings) -> None:
        super().__init__()
        self._settings = settings
        self._page = _sql("orders_page")

    async def open(self) -> None:
        """Open the pool; it connects in the background."""
        options = f"-c statement_timeout={STATEMENT_S * 1000:.0f} -c TimeZone=UTC -c default_transaction_read_only=on"
        self._pool = AsyncConnectionPool(
            self._settings.conninfo,  # called for each connection: with IAM, its password is valid for minutes
            min_size=1,
            max_size=CONNECTIONS,
            timeout=WAIT_FOR_CONNECTION_S,
            max_waiting=WAITING_AT_MOST,
            open=False,
            kwargs={"autocommit": True, "connect_timeout": 2, "options": options, "application_name": "shoplake-api"},
        )
        await self._pool.open(wait=False)

    async def close(self) -> None:
        """Close the pool."""
        await self._pool.close(timeout=2)

    async def ping(self) -> None:
        """Run a statement."""
        await self._fetch(sql.SQL("SELECT 1"), {})

    async def positions(self) -> Positions:
        """Read the checkpoints."""
        statement = sql.SQL(
            "SELECT json_object_agg(topic, offsets)::text FROM (SELECT topic, json_object_agg(partition, next_offset)"
            " AS offsets FROM shop.checkpoints WHERE topic <> 'rebuild' GROUP BY topic) AS by_topic"
        )
        ((text,),) = await self._fetch(statement, {})
        return Positions.parse(text or "{}")

    async def order(self, order_id: str, customer_id: str | None) -> tuple[list[Row], Positions]:
        """The orders with an id, each with items, payments and shipments: one per customer that has it.

        Args:
            order_id: an id is unique within a customer.
            customer_id: only of this customer.
        """
        conditions: list[sql.Composable] = [sql.SQL("o.order_id = %(order_id)s")]
        if customer_id is not None:
            conditions.append(sql.SQL("o.customer_id = %(customer_id)s"))
        values = {"order_id": order_id, "customer_id": customer_id, "rows": AMBIGUOUS_AT_MOST}
        return await self._read(conditions, values, details=True)

    async def orders(
        self, wanted: OrderFilter, after: Sequence[str] | None, rows: int, *, details: bool
    ) -> tuple[list[Row], Positions]:
        """A page of orders in the order of their key (order id, customer id).

        Args:
            wanted: the filter.
            after: the key of the last row of the page before.
            rows: at most.
            details: whether each order has its items, payments and shipments.
        """
        conditions, values = _conditions(wanted)
        if after is not None:
            conditions.append(sql.SQL("(o.order_id, o.customer_id) > (%(after_order)s, %(after_customer)s)"))
            values |= {"after_order": after[0], "after_customer": after[1]}
        return await self._read(conditions or [sql.SQL("true")], {**values, "rows": rows}, details=details)

    async def _read(
        self, conditions: Sequence[sql.Composable], values: Mapping[str, Any], *, details: bool
    ) -> tuple[list[Row], Positions]:
        where, rows = sql.SQL(" AND ").join(conditions), sql.Placeholder("rows")
        statement = self._page.format(where=where, details=sql.Literal(details), rows=rows)
        return _decoded(await self._fetch(statement, values))

    async def _fetch(self, statement: sql.SQL | sql.Composed, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return await self.call(lambda: self._again(lambda: self._once(statement, values)))

    async def _again(self, read: Callable[[], Awaitable[T]]) -> T:
        """Run a read; after a lost connection, once more: the server may have been restarted."""
        try:
            return await read()
        except QueryCanceled as error:
            raise StoreDown(
                f"the query took longer than {STATEMENT_S:g} s",
                fix="add a filter, or read smaller pages",
                retry_after_s=5,
                store=self.name,
            ) from error
        except PoolFull as error:
            raise TooManyRequests("all connections to postgres are in use", fix="ask again", retry_after_s=1) from error
        except psycopg.OperationalError:
            with contextlib.suppress(PoolTimeout):
                await self._pool.check()
            return await read()

    async def _once(self, statement: sql.SQL | sql.Composed, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall()


def _conditions(wanted: OrderFilter) -> tuple[list[sql.Composable], dict[str, Any]]:
    values: dict[str, Any] = {
        name: getattr(wanted, name)
        for name in ("customer_id", "status", "currency", "placed_from", "placed_before")
        if getattr(wanted, name) is not None
    }
    operators = {"placed_from": ("placed_at", ">="), "placed_before": ("placed_at", "<")}
    conditions: list[sql.Composable] = []
    for name in values:
        column, operator = operators.get(name, (name, "="))
        conditions.append(
            sql.SQL("o.{} {} {}").format(sql.Identifier(column), sql.SQL(operator), sql.Placeholder(name))
        )
    return conditions, values


def _decoded(fetched: Sequence[tuple[Any, ...]]) -> tuple[list[Row], Positions]:
    """The rows and the positions of the statement's one row: two texts with JSON."""
    ((rows, offsets),) = fetched
    found = msgspec.json.decode(offsets or "{}", type=dict[str, int])
    positions = Positions({Place("orders", int(partition)): offset for partition, offset in found.items()})
    return msgspec.json.decode(rows or "[]"), positions


def _sql(name: str) -> sql.SQL:
    """A statement. Its gaps are `{{ name }}`, as a linter of SQL knows them."""
    text = resources.files("shoplake.api.stores").joinpath("sql", f"{name}.sql").read_text("utf-8")
    return sql.SQL(text.replace("{{ ", "{").replace(" }}", "}"))
