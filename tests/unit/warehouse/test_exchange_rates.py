"""Money in euros: the rates of the models and of `verify` are those of the scenarios, and both round alike."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from importlib import resources
from math import floor
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shopsim
from shoplake.map.readers.dbt_templates import Templates
from shoplake.warehouse import dbt_project
from shopsim.shop.currencies import PPM, minor_rate

pytest.importorskip("jinja2")
amounts = st.integers(0, 10**17)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """`models.rates`: those of the models; the macros `model_euros` and `in_euro_cents`."""
    model: Path = tmp_path_factory.mktemp("model") / "model.sql"
    templates = Templates(dbt_project.project_folder())
    with duckdb.connect() as database:
        database.execute("CREATE SCHEMA warehouse; CREATE SCHEMA models")
        model.write_text("with {{ shoplake.exchange_rates() }} from exchange_rates")
        database.execute(f"CREATE TABLE models.rates AS {templates.render(model)[0]}")
        model.write_text("{{ shoplake.euro_cents('cents') }}")
        database.execute(f"CREATE MACRO model_euros(cents, exchange_rates) AS {templates.render(model)[0]}")
        database.execute(resources.files("shoplake.verify").joinpath("sql", "warehouse", "rates.sql").read_text())
        yield database


def model_rates(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(connection.execute("SELECT currency, per_million FROM models.rates").fetchall())


def test_the_rates_are_those_of_every_scenario_with_prices_in_euros(connection: duckdb.DuckDBPyConnection) -> None:
    found = model_rates(connection)
    scenarios = [shopsim.load_scenario(name) for name in shopsim.scenarios()]
    in_euros = [scenario for scenario in scenarios if scenario.currency == "EUR"]
    expected = {code: minor_rate(scenario, code) for scenario in in_euros for code in ("EUR", *scenario.currencies)}
    # The scenarios with prices in dollars have one more currency, of which the rate to the euro follows.
    for scenario in scenarios:
        for code in scenario.currencies:
            crossed = Fraction(minor_rate(scenario, code) * PPM, minor_rate(scenario, "EUR"))
            expected.setdefault(code, round(crossed))

    assert found == expected


def test_the_rates_of_verify_are_those_of_the_models(connection: duckdb.DuckDBPyConnection) -> None:
    statement = "SELECT currency, (per_euro * 10 ** (digits + 4))::BIGINT FROM warehouse.rates"
    assert dict(connection.execute(statement).fetchall()) == model_rates(connection)


@given(cents=amounts)
def test_both_round_to_the_nearest_cent_and_half_up(connection: duckdb.DuckDBPyConnection, cents: int) -> None:
    rows = connection.execute(
        "SELECT currency, per_million, model_euros(?::BIGINT, m), in_euro_cents(?::BIGINT, v.per_euro, v.digits)"
        " FROM models.rates AS m JOIN warehouse.rates AS v USING (currency)",
        [cents, cents],
    ).fetchall()
    for currency, per_million, ours, expected in rows:
        assert ours == expected == floor(Fraction(cents * PPM, per_million) + Fraction(1, 2)), currency
