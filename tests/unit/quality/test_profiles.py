"""A profile says what each column holds, and never a value of a personal column; two profiles are compared."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shoplake.cli.profile import bars
from shoplake.quality.profiles import BINS, ColumnProfile, Profile, changes, chosen, profiled

from .tables import FACTS, datasets

ORDERS = """
SELECT 'o' || n AS order_id, 'person' || n || '@example.org' AS email, n AS cents,
    CASE WHEN n % 10 = 0 THEN NULL WHEN n % 2 = 0 THEN 'paid' ELSE 'placed' END AS status,
    TIMESTAMP '2026-09-01' + INTERVAL (n) HOUR AS placed_at, [n, n + 1] AS lines
FROM range({rows}) AS t(n)
"""


def profile_of(rows: int, more: str = "") -> Profile:
    with datasets({"postgres.orders": f"SELECT *{more} FROM ({ORDERS.format(rows=rows)})"}) as workspace:
        return profiled(workspace, "postgres.orders", FACTS)


def columns(profile: Profile) -> dict[str, ColumnProfile]:
    return {one.name: one for one in profile.columns}


def test_numbers_have_extremes_quantiles_and_a_histogram() -> None:
    found = columns(profile_of(1200))["cents"]
    assert (found.type, found.nulls, found.distinct, found.min, found.max, found.mean) == (
        "BIGINT", 0, 1200, "0", "1199", 599.5
    )  # fmt: skip
    assert found.quantiles == pytest.approx((60, 300, 600, 900, 1140), abs=6)
    assert found.histogram == (100,) * BINS


def test_texts_have_nulls_and_their_most_frequent_values() -> None:
    found = columns(profile_of(1200))["status"]
    assert (found.nulls, found.distinct) == (120, 2)
    assert found.top == (("placed", 600), ("paid", 480))
    assert columns(profile_of(1200))["order_id"].top == (), "each value is there once"


def test_times_have_a_histogram_and_lists_only_their_nulls() -> None:
    found = columns(profile_of(1200))
    assert sum(found["placed_at"].histogram) == 1200
    assert (found["lines"].nulls, found["lines"].distinct, found["lines"].min) == (0, None, None)


def test_no_value_of_a_personal_column_is_in_a_profile() -> None:
    profile = profile_of(50)
    found = columns(profile)["email"]
    assert (found.personal, found.distinct, found.nulls) == (True, 50, 0)
    assert "person" not in str(profile.as_json()).replace("personal", "")


def test_an_empty_dataset_has_a_profile() -> None:
    profile = profile_of(0)
    assert profile.rows == 0
    assert all((one.nulls, one.min, one.histogram) == (0, None, ()) for one in profile.columns)


def test_a_stored_profile_is_the_same_when_it_is_read() -> None:
    profile = profile_of(100)
    assert Profile.parse(profile.as_json()) == profile


def test_changes_are_listed_by_column() -> None:
    before, after = profile_of(1200), profile_of(600, more=" REPLACE (NULL::BIGINT AS cents), 1 AS added")
    found = {(one.column, one.measure): (one.before, one.after) for one in changes(before, after)}
    assert found["", "rows"] == ("1,200", "600")
    assert found["cents", "nulls"] == ("0.00%", "100.00%")
    assert found["cents", "median"][1] == ""
    assert found["added", "column"] == ("absent", "there")
    assert ("status", "nulls") not in found
    assert list(changes(before, before)) == []


def test_a_shift_of_categories_has_an_index() -> None:
    after = profile_of(
        1200, more=" REPLACE (CASE WHEN n < 900 THEN 'paid' ELSE status END AS status)".replace("n <", "cents <")
    )
    (index,) = (one.after for one in changes(profile_of(1200), after) if one.measure == "population stability index")
    assert float(index) > 0.25


def test_the_two_newest_profiles_are_compared_unless_runs_are_named() -> None:
    at = datetime(2026, 11, 30, tzinfo=UTC)
    stored: list[tuple[str, datetime, dict[str, Any]]] = [
        (name, at, profile_of(3).as_json()) for name in ("c3", "b2", "a1")
    ]
    assert [run for run, _ in chosen(stored, [])] == ["b2", "c3"]
    assert [run for run, _ in chosen(stored, ["a", "c3"])] == ["a1", "c3"]
    with pytest.raises(LookupError, match="no profile of a run 'x'"):
        chosen(stored, ["a", "x"])
    with pytest.raises(LookupError, match="expected two profiles, found 1"):
        chosen(stored[:1], [])


def test_a_bin_with_few_rows_is_not_drawn_empty() -> None:
    assert bars([0, 1, 400, 800]) == " ▁▄█"
    assert bars([]) == ""
