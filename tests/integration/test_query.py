"""SQL on the stores of a real stack: what is read is what the log says, and nothing can be written."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from shoplake.errors import QueryRefused, StoreUnavailable
from shoplake.query import duckdb_session, postgres
from shoplake.query.result import Limits, Result
from shoplake.settings import Settings

pytestmark = [pytest.mark.stack]

QUERY = [sys.executable, "-m", "shoplake.cli.main", "query"]
SQL = [sys.executable, "-m", "shoplake.cli.main", "sql"]


def run(command: list[str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *arguments], input=stdin, capture_output=True, text=True, check=False, timeout=180, env=os.environ
    )


def as_texts(result: Result) -> list[tuple[str, ...]]:
    """Rows in one order; the two stores have different classes for UTC."""
    return sorted(tuple(map(str, row)) for row in result.rows)


def one_value(done: subprocess.CompletedProcess[str]) -> object:
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["rows"]
    (value,) = row.values()
    return value


@pytest.fixture(scope="module")
def orders(loaded_stack: Settings) -> int:
    """How many orders Postgres has: of each order with an event, also of those that other tests have published."""
    found = postgres.run(loaded_stack, "SELECT count(*) FROM shop.orders", Limits())
    assert found.rows[0][0] > 0
    return int(found.rows[0][0])


def test_both_stores_answer_on_the_command_line(orders: int) -> None:
    distinct = "select count(distinct (order_id, customer_id)) from orders"
    assert one_value(run(QUERY, distinct, "--format", "json")) == orders
    assert one_value(run(QUERY, "select count(*) from orders", "--store", "postgres", "--format", "json")) == orders


def test_the_shell_joins_the_lake_with_postgres(orders: int) -> None:
    joined = (
        "select count(distinct (order_id, customer_id)) from lake.orders"
        " join postgres.orders using (order_id, customer_id);"
        " create view mine as from order_items; select count(*) from mine;"
    )
    done = run(SQL, "--format", "json", stdin=joined)
    assert done.returncode == 0, done.stderr
    first, _, second = (json.loads(line)["rows"] for line in done.stdout.splitlines())
    assert list(first[0].values()) == [orders]
    assert next(iter(second[0].values())) > 0


def test_every_table_of_the_lake_can_be_read_in_full(loaded_stack: Settings) -> None:
    with duckdb_session.opened(loaded_stack, Limits(rows=10)) as session:
        session.attach_lake()
        for schema, name in session.tables():
            found = session.run(f'SELECT * FROM {schema}."{name}" ORDER BY kafka_partition, kafka_offset')
            ((rows,),) = session.run(f'SELECT count(*) FROM {schema}."{name}"').rows
            assert (len(found.rows), found.truncated) == (min(10, rows), rows > 10)
            assert all(row[found.columns.index("occurred_at")].tzinfo is not None for row in found.rows)


@pytest.mark.parametrize("statement", ["delete from orders", "create table shop.mine (id int)", "drop table orders"])
def test_postgres_is_only_read(loaded_stack: Settings, statement: str) -> None:
    with pytest.raises(QueryRefused, match="read-only transaction"):
        postgres.run(loaded_stack, statement, Limits())


def test_a_second_statement_cannot_end_the_read_only_transaction(loaded_stack: Settings) -> None:
    with pytest.raises(QueryRefused, match="multiple commands"):
        postgres.run(loaded_stack, "commit; delete from shop.orders", Limits())


def test_postgres_limits_rows_and_time(loaded_stack: Settings) -> None:
    found = postgres.run(loaded_stack, "select * from generate_series(1, 100000000)", Limits(rows=2))
    assert (list(found.rows), found.truncated) == ([(1,), (2,)], True)
    with pytest.raises(StoreUnavailable, match=r"not done with the statement after 0\.2 s"):
        postgres.run(loaded_stack, "select pg_sleep(30)", Limits(timeout_s=0.2))


@pytest.mark.parametrize("store", ["lake", "postgres"])
def test_bad_sql_ends_with_two_and_the_stores_own_words(loaded_stack: Settings, store: str) -> None:
    done = run(QUERY, "selec 1", "--store", store)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error SL0108")
    assert 'syntax error at or near "selec"' in done.stderr
    assert "Traceback" not in done.stderr


def test_copies_of_postgres_are_as_new_as_the_statement(loaded_stack: Settings) -> None:
    """Types survive the copy: numbers, times, texts and what is null."""
    with duckdb_session.opened(loaded_stack, Limits(rows=100_000)) as session:
        session.attach_lake()
        session.attach_postgres()
        session.prefer(duckdb_session.POSTGRES)
        for schema, name in session.tables():
            if schema != duckdb_session.POSTGRES:
                continue
            copied = session.run(f'SELECT * FROM {schema}."{name}"')
            held = postgres.run(loaded_stack, f'SELECT * FROM shop."{name}"', Limits(rows=100_000))
            assert copied.columns == held.columns
            assert as_texts(copied) == as_texts(held), name
