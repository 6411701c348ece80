"""The public holidays of `dim_dates` are those of the simulator, which has other rules for them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from shoplake.map.readers.dbt_templates import Templates
from shoplake.warehouse import dbt_project
from shopsim.calendar.holidays import HOLIDAYS, holidays

pytest.importorskip("jinja2")
YEARS = range(1990, 2100)
"""Those in which the contract lets an event happen."""


def test_the_models_know_every_holiday_of_every_country_of_the_simulator(tmp_path: Path) -> None:
    model = tmp_path / "model.sql"
    model.write_text("with years as (select range as year from range(1990, 2100)), {{ shoplake.public_holidays() }}")
    sql, _ = Templates(dbt_project.project_folder()).render(model)
    with duckdb.connect() as connection:
        found = set(connection.execute(f"{sql} select holiday_on, country from holidays").fetchall())

    assert found == {(day, country) for country in HOLIDAYS for year in YEARS for day in holidays(country, year)}
