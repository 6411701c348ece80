"""The events behind a figure: their amounts, kinds and places, and what is said where there is no figure."""

from __future__ import annotations

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from shoplake.cli.main import app
from shoplake.errors import UnknownName, WarehouseError
from shoplake.positions import Place, Positions
from shoplake.warehouse import state, trace
from shoplake.warehouse.state import Build

DAY = date(2026, 9, 20)
TABLES = """
CREATE TABLE gold.revenue_daily AS
    SELECT DATE '2026-09-20' AS revenue_on, 'EUR' AS currency, 5000::BIGINT AS captured_cents,
        700::BIGINT AS refunded_cents, 300::BIGINT AS charged_back_cents, 4000::BIGINT AS net_cents;
CREATE TABLE gold.fct_payments AS
    FROM (VALUES ('p1', 'c1', 'o1', 'EUR'), ('p2', 'c2', 'o2', 'EUR'), ('p3', 'c3', 'o3', 'GBP'))
        AS t(payment_id, customer_id, order_id, currency);
CREATE TABLE silver.stg_orders AS
    FROM (VALUES
        ('e1', 'payment_captured', TIMESTAMP '2026-09-20 23:59:59.999', 'p1', 'c1', 3000, 1, 0, 7),
        ('e2', 'payment_captured', TIMESTAMP '2026-09-20 00:00:00', 'p2', 'c2', 2000, 2, 1, 4),
        ('e3', 'payment_refunded', TIMESTAMP '2026-09-20 12:00:00', 'p1', 'c1', 700, 1, 0, 9),
        ('e4', 'payment_charged_back', TIMESTAMP '2026-09-20 12:00:00', 'p2', 'c2', 300, 1, 1, 5),
        ('e5', 'payment_captured', TIMESTAMP '2026-09-21 00:00:00', 'p2', 'c2', 99, 1, 1, 6),
        ('e6', 'payment_captured', TIMESTAMP '2026-09-20 12:00:00', 'p3', 'c3', 88, 1, 2, 1),
        ('e7', 'payment_authorised', TIMESTAMP '2026-09-20 12:00:00', 'p1', 'c1', 3000, 1, 0, 6)
    ) AS t(
        event_id, event_type, occurred_at, payment_id, customer_id, amount_cents, copies, kafka_partition, kafka_offset
    );
"""


@pytest.fixture
def built(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "home"))
    positions = Positions({Place("orders", 0): 10, Place("orders", 1): 7, Place("orders", 2): 2})
    with state.opened("local") as connection:
        connection.execute(TABLES)
        build = Build(1, positions, "{}", "project", state.now())
        state.begin(connection, build)
        state.finish(connection, build)


@pytest.mark.usefixtures("built")
def test_a_figure_leads_to_its_events_and_their_places():
    found = trace.revenue("local", DAY, "EUR")

    assert [(one.event_id, one.partition, one.offset, one.copies) for one in found.movements] == [
        ("e1", "orders-0", 7, 1),
        ("e3", "orders-0", 9, 1),
        ("e2", "orders-1", 4, 2),
        ("e4", "orders-1", 5, 1),
    ]
    assert found.adds_up
    assert found.positions.of("orders") == {0: 10, 1: 7, 2: 2}


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("column", ["captured_cents", "refunded_cents", "charged_back_cents", "net_cents"])
def test_a_figure_that_is_not_the_sum_of_its_events_ends_with_one(column: str):
    with state.opened("local") as connection:
        connection.execute(f"UPDATE gold.revenue_daily SET {column} = {column} + 1")

    done = CliRunner().invoke(app, ["trace", "revenue", "--day", "2026-09-20", "--currency", "eur", "--json"])

    assert json.loads(done.stdout)["adds_up"] is False
    assert isinstance(done.exception, WarehouseError)


@pytest.mark.usefixtures("built")
def test_the_command_prints_the_events_and_the_sum():
    done = CliRunner().invoke(app, ["trace", "revenue", "--day", "2026-09-20", "--currency", "eur"])

    assert done.exit_code == 0
    assert "orders-1@4" in done.stdout
    assert "net 4,000 cents = captured 5,000 - refunded 700 - charged back 300, from 4 events" in done.stdout
    assert "as of orders-0=10, orders-1=7, orders-2=2" in done.stdout


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("day", "currency", "held"),
    [(DAY, "USD", "that day has EUR"), (date(2026, 1, 1), "EUR", "the warehouse has 2026-09-20 to 2026-09-20")],
)
def test_a_figure_that_does_not_exist_names_those_that_do(day: date, currency: str, held: str):
    with pytest.raises(UnknownName, match=f"no revenue in {currency} on {day}; {held}"):
        trace.revenue("local", day, currency)


def test_without_a_warehouse_the_command_to_build_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SHOPLAKE_HOME", str(tmp_path / "home"))

    with pytest.raises(WarehouseError, match="no warehouse of local was built"):
        trace.revenue("local", DAY, "EUR")
