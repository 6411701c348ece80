"""The public holidays of the calendar that `verify` expects, by the simulator's rules.

The warehouse has rules of its own, in SQL. So each checks the other.
"""

from __future__ import annotations

import duckdb

from shoplake.verify.database import run_sql


def create_tables(cursor: duckdb.DuckDBPyConnection) -> None:
    """Create `warehouse.event_days` and `warehouse.holidays`, with the years in which the build has events."""
    from shopsim.calendar.holidays import HOLIDAYS, holidays

    cursor.execute("CREATE OR REPLACE TABLE warehouse.holidays (day DATE, country VARCHAR)")
    run_sql(cursor, "warehouse/dates")
    first, last = cursor.execute("SELECT year(first_day), year(last_day) FROM warehouse.event_days").fetchall()[0]
    if first is None:
        return
    found = [
        (day, country) for country in HOLIDAYS for year in range(first, last + 1) for day in holidays(country, year)
    ]
    days, countries = zip(*found, strict=True)
    cursor.execute("INSERT INTO warehouse.holidays SELECT unnest(?), unnest(?)", [days, countries])
