"""Damage to Postgres: values, tables, indexes, constraints and other objects of the schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg

from shoplake.settings import Settings

from .finding import ExpectedFinding


def _sql(named: ExpectedFinding, *statements: str) -> Callable[[psycopg.Connection[Any]], ExpectedFinding]:
    def damage(connection: psycopg.Connection[Any]) -> ExpectedFinding:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]
        return named

    return damage


def _customer_row(number: int, setting: str, says: str) -> Callable[[psycopg.Connection[Any]], ExpectedFinding]:
    def damage(connection: psycopg.Connection[Any]) -> ExpectedFinding:
        row = connection.execute(
            "SELECT customer_id FROM shop.customers ORDER BY customer_id OFFSET %s LIMIT 1", [number]
        ).fetchone()
        assert row is not None
        connection.execute(f"UPDATE shop.customers SET {setting} WHERE customer_id = %s", row)  # type: ignore[call-overload]
        return ExpectedFinding("differing", "customers", row[0], says)

    return damage


def fraction_of_a_cent(connection: psycopg.Connection[Any]) -> ExpectedFinding:
    connection.execute("ALTER TABLE shop.payments ALTER amount_cents TYPE numeric")
    row = connection.execute(
        "UPDATE shop.payments SET amount_cents = amount_cents + 0.4 WHERE payment_id ="
        " (SELECT min(payment_id) FROM shop.payments) RETURNING payment_id || '/' || customer_id, amount_cents::text"
    ).fetchone()
    assert row is not None
    return ExpectedFinding("differing", "payments", row[0], f"found '{row[1]}'")


POSTGRES: Mapping[str, Callable[[psycopg.Connection[Any]], ExpectedFinding]] = {
    "before Christ": _customer_row(0, "updated_at = '0044-03-15 BC'", "0044-03-15 00:00:00+00 BC"),
    "without end": _customer_row(1, "updated_at = 'infinity'", "found 'infinity'"),
    "after the year 294247": _customer_row(2, "updated_at = '294276-12-31'", "294276"),
    "three megabytes": _customer_row(3, "name = repeat('ab', 1500000)", "found 'abab"),
    "0.4 of a cent": fraction_of_a_cent,
    "a column of another type": _sql(
        ExpectedFinding("differing", "structure", "column reviews.rating", "expected 'smallint', found 'integer'"),
        "ALTER TABLE shop.reviews ALTER rating TYPE integer",
    ),
    "the column that 0.4 of a cent needs": _sql(
        ExpectedFinding("differing", "structure", "column payments.amount_cents", "expected 'bigint', found 'numeric'")
    ),
    "a default that is gone": _sql(
        ExpectedFinding("differing", "structure", "column inventory.reserved", "default '0'"),
        "ALTER TABLE shop.inventory ALTER reserved DROP DEFAULT",
    ),
    "a null that is allowed": _sql(
        ExpectedFinding("differing", "structure", "column inventory.on_hand", "not null"),
        "ALTER TABLE shop.inventory ALTER on_hand DROP NOT NULL",
    ),
    "a column too many": _sql(
        ExpectedFinding("duplicated", "structure", "column reviews.evil", "text"),
        "ALTER TABLE shop.reviews ADD COLUMN evil text DEFAULT 'x'",
    ),
    "a table too many": _sql(
        ExpectedFinding("duplicated", "structure", "table more", "unlogged"), "CREATE UNLOGGED TABLE shop.more (a int)"
    ),
    "its column": _sql(ExpectedFinding("duplicated", "structure", "column more.a", "integer")),
    "a view too many": _sql(
        ExpectedFinding("duplicated", "structure", "view seen", "kept"), "CREATE VIEW shop.seen AS SELECT 1 AS a"
    ),
    "an index that is gone": _sql(
        ExpectedFinding("lost", "structure", "index orders_customer_id of orders", "btree (customer_id)"),
        "DROP INDEX shop.orders_customer_id",
    ),
    "an index too many": _sql(
        ExpectedFinding("duplicated", "structure", "index extra of orders", "btree (status)"),
        "CREATE INDEX extra ON shop.orders (status)",
    ),
    "a key that is gone": _sql(
        ExpectedFinding("lost", "structure", "constraint of payments: PRIMARY KEY (payment_id, customer_id)", "valid"),
        "ALTER TABLE shop.payments DROP CONSTRAINT payments_pkey",
    ),
    "the index of that key": _sql(ExpectedFinding("lost", "structure", "index payments_pkey of payments", "unique")),
    "a check too many": _sql(
        ExpectedFinding("duplicated", "structure", "constraint of reviews: CHECK ((rating > 0))", "valid"),
        "ALTER TABLE shop.reviews ADD CHECK (rating > 0)",
    ),
    "a trigger": _sql(
        ExpectedFinding("duplicated", "structure", "trigger spoils of products", "EXECUTE FUNCTION"),
        "CREATE FUNCTION shop.spoil() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER spoils BEFORE INSERT ON shop.products FOR EACH ROW EXECUTE FUNCTION shop.spoil()",
    ),
    "its function": _sql(ExpectedFinding("duplicated", "structure", "function spoil", "a function")),
    "a table that a crash empties": _sql(
        ExpectedFinding("differing", "structure", "table shipments", "unlogged"),
        "ALTER TABLE shop.shipments SET UNLOGGED",
    ),
}


@contextmanager
def connection_of(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(settings.postgres.conninfo(), autocommit=True) as connection:
        yield connection
