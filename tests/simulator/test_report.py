"""The page about a shop: it counts right, in pieces as well as at once, and one file holds all of it."""

from __future__ import annotations

import itertools
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

import pytest
from typer.testing import CliRunner

import shopsim
from shoplake import report
from shoplake.cli.main import app
from shoplake.contract import EVENTS, TOPICS
from shoplake.errors import UsageError
from shoplake.report.panels.baskets import Baskets
from shoplake.report.panels.counts import Counts
from shoplake.report.panels.delays import Delays
from shoplake.report.panels.faults import Faults
from shoplake.report.panels.funnel import STEPS, Funnel
from shoplake.report.panels.orders import Orders
from shoplake.report.panels.popularity import Popularity
from shoplake.report.panels.retention import WEEK_MS, Retention

from .conftest import SEED
from .shop import shop_of

WINDOWS = 14


@pytest.fixture(scope="module")
def scenario(eventful):
    """With windows as short as they may be: much begins in one and goes on in the next."""
    return shopsim.scenario_from_dict({**eventful.to_dict(), "window_hours": 36})


@pytest.fixture(scope="module")
def shop(scenario):
    return shop_of(scenario, SEED, 10**9, windows=WINDOWS)


@pytest.fixture(scope="module")
def seen(scenario):
    """What a gatherer shows of all windows."""

    def see(gatherer):
        for window in itertools.islice(shopsim.simulate(scenario, SEED), WINDOWS):
            gatherer.add(window)
        return gatherer.panel()

    return see


def rows_of(panel, chart=0):
    spec = panel.charts[chart]
    return spec.get("vconcat", [spec])[0]["data"]["values"]


def test_each_session_counts_once_per_step_also_where_it_runs_into_the_next_window(seen, shop):
    found = {row["step"]: row["sessions"] for row in rows_of(seen(Funnel()))}
    asked = {words: shop.one(f"SELECT count(DISTINCT session_id) FROM {step}")[0] for step, words in STEPS.items()}
    assert found == asked


def test_every_order_is_in_its_hour(seen, scenario, shop):
    found = {row["at"]: row["orders"] for row in rows_of(seen(Orders(scenario))) if row["orders"]}
    asked = shop.sql.execute(
        "SELECT occurred_at_ms // 3600000 * 3600000, count(*) FROM order_placed GROUP BY 1"
    ).fetchall()
    assert found == dict(asked)


def test_campaigns_and_flash_sales_are_drawn_below_the_orders_of_their_time(seen, scenario):
    occasions = seen(Orders(scenario)).charts[0]["vconcat"][1]["data"]["values"]
    assert [(row["name"], (row["to"] - row["from"]) / 3_600_000) for row in occasions] == [
        ("two-days", 48),
        ("an-evening", 4),
    ]


def test_the_average_week_has_the_hours_of_its_days(seen, scenario, shop):
    found = {(row["day"], row["hour"]): row["orders"] for row in rows_of(seen(Orders(scenario)), 1)}
    asked = shop.sql.execute(
        "SELECT strftime(t, '%a'), hour(t), round(count(*) / (SELECT count(DISTINCT occurred_at_ms // 86400000)"
        " FROM happened WHERE isodow(epoch_ms(occurred_at_ms)) = isodow(any_value(t))), 1)"
        " FROM (SELECT epoch_ms(occurred_at_ms) AS t FROM order_placed) GROUP BY ALL"
    ).fetchall()
    assert {hour: n for hour, n in found.items() if n} == {(day, hour): n for day, hour, n in asked}


def test_views_are_counted_over_all_windows(seen, scenario, shop):
    asked = shop.sql.execute("SELECT count(*) FROM product_viewed GROUP BY product_id ORDER BY 1 DESC").fetchall()
    found = {row["rank"]: row["views"] for row in rows_of(seen(Popularity(scenario)))}
    assert found == {rank: n for rank, (n,) in enumerate(asked, start=1) if rank in found}
    assert len(found) > 20


def test_orders_are_counted_by_products_and_by_value(seen, scenario, shop):
    panel = seen(Baskets(scenario))
    counted = "SELECT if(len(lines) < 8, len(lines)::VARCHAR, '8 or more'), count(*) FROM order_placed GROUP BY 1"
    products = dict(shop.sql.execute(counted).fetchall())
    assert {row["products"]: row["orders"] for row in rows_of(panel) if row["orders"]} == products
    for row in rows_of(panel, 1):
        between = f"currency = 'EUR' AND total_cents >= {100 * row['from']} AND total_cents < {100 * row['to']}"
        assert shop.one(f"SELECT count(*) FROM order_placed WHERE {between}") == (row["orders"],)
    in_euros = shop.one("SELECT count(*) FROM order_placed WHERE currency = 'EUR'")
    assert (sum(row["orders"] for row in rows_of(panel, 1)),) == in_euros


@pytest.mark.parametrize(
    ("step", "event_type"), [("parcel leaves", "order_shipped"), ("parcel arrives", "order_delivered")]
)
def test_delays_are_measured_across_windows(seen, shop, step, event_type):
    found = {row["days"]: row["share"] for row in rows_of(seen(Delays())) if row["step"] == step and row["share"]}
    counted = shop.sql.execute(
        "SELECT ((p.occurred_at_ms - o.occurred_at_ms) // 14400000 + 0.5) / 6, 100 * count(*) / sum(count(*)) OVER ()"
        f" FROM {event_type} p JOIN order_placed o USING (order_id) GROUP BY 1"
    ).fetchall()
    asked = {float(days): share for days, share in counted}
    assert found == pytest.approx({days: asked[days] for days in found})
    assert sum(found.values()) > 98


def test_retention_counts_the_weeks_with_sessions(seen, scenario, shop):
    counted = shop.sql.execute(
        "SELECT cohort, age, count(DISTINCT customer_id) / any_value(size) FROM (SELECT customer_id,"
        f" (c.occurred_at_ms - {scenario.start_ms}) // {WEEK_MS} AS cohort,"
        f" (s.occurred_at_ms - c.occurred_at_ms) // {WEEK_MS} AS age"
        " FROM customer_registered c JOIN session_started s USING (customer_id)) JOIN ("
        f" SELECT (occurred_at_ms - {scenario.start_ms}) // {WEEK_MS} AS cohort, count(*) AS size"
        " FROM customer_registered GROUP BY 1) USING (cohort) GROUP BY ALL"
    ).fetchall()
    asked = {(cohort + 1, age): share for cohort, age, share in counted}
    found = {(row["cohort"], row["age"]): row["share"] for row in rows_of(seen(Retention(scenario)))}
    assert found == pytest.approx({cell: asked[cell] for cell in found}, abs=0.001)
    assert len(found) == 3


def test_a_sample_of_customers_has_about_the_retention_of_all(seen, scenario, monkeypatch):
    everyone = seen(Retention(scenario))
    monkeypatch.setattr("shoplake.report.panels.retention.MOST_CUSTOMERS", 300)
    sample = seen(Retention(scenario))
    assert "one customer in 4" in sample.note
    for one, all_ in zip(rows_of(sample), rows_of(everyone), strict=True):
        assert one["customers"] < all_["customers"]
        assert one["share"] == pytest.approx(all_["share"], abs=0.15)


def test_faults_are_those_of_the_published_events(scenario):
    rates = {"all": {"malformed": 0.02, "late": 0.01}, "orders": {"duplicated": 0.1}}
    dirty = shopsim.scenario_from_dict({**scenario.to_dict(), "faults": {"rates": rates}})
    gatherer, hit = Faults(dirty, SEED), Counter()
    for window in itertools.islice(shopsim.simulate(dirty, SEED), 3):
        gatherer.add(window)
        hit.update(shopsim.encode(dirty, SEED, window).drop_nulls("fault").select("topic", "fault").rows())
    rows = {(row["topic"], row["fault"]): row for row in rows_of(gatherer.panel())}
    assert {place: row["events"] for place, row in rows.items() if row["events"]} == hit
    assert hit.total() > 100
    assert {place: row["asked"] for place, row in rows.items()} == pytest.approx(
        {(topic, fault): rate for fault, rate in rates["all"].items() for topic in TOPICS}
        | {("orders", "duplicated"): 0.1}
    )


def test_the_table_has_every_type_of_the_contract(seen, scenario, shop):
    counts = Counts(scenario)
    for window in itertools.islice(shopsim.simulate(scenario, SEED), WINDOWS):
        counts.add(window)
    assert {row.type: row.events for row in counts.rows()} == {
        name: shop.one(f"SELECT count(*) FROM {name}")[0] for name in EVENTS
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "sub" / "report.html"
    result = CliRunner().invoke(app, ["generate", "report", "--events", "60000", "--out", str(path)])
    assert result.exit_code == 0, result.output
    return path, result


def test_the_command_writes_one_page_that_loads_nothing(written):
    path, result = written
    text = path.read_text()
    assert f"events in {path}" in result.output
    assert not re.search(r'(src|href|xlink:href)="|url\(|@import|<script|<link', text)
    assert {match for match in re.findall(r'https?://[^"<\s]*', text) if "w3.org" not in match} == set()


def test_every_chart_is_drawn_in_the_colours_of_the_page(written):
    text = written[0].read_text()
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) >= 8
    for drawing in drawings:
        ElementTree.fromstring(drawing)
        colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', drawing))
        assert {colour for colour in colours if not colour.startswith("var(--")} <= {"none", "transparent"}
    defined = set(re.findall(r"(--[a-z]+):", text))
    assert set(re.findall(r"var\((--[a-z]+)\)", text)) <= defined


def test_an_existing_file_is_not_overwritten(written):
    path = written[0]
    with pytest.raises(UsageError, match="already exists"):
        report.write(shopsim.load_scenario("demo"), SEED, 1, path)


def test_a_shop_without_events_has_a_page(changed, tmp_path):
    quiet = changed(
        lanes=1,
        customers={"initial": 1, "signups_per_day": 0},
        sessions={"per_customer_per_day": 0},
        catalogue={"products": 1, "launches_per_day": 0},
        flash_sales=[],
        faults={"rates": {}},
    )
    report.write(quiet, SEED, 1, tmp_path / "report.html")
    assert "Nobody came" in (tmp_path / "report.html").read_text()


def test_a_missing_chart_library_is_reported_with_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    monkeypatch.setattr(
        shopsim, "simulate", lambda *_: pytest.fail("simulated before it was known that nothing can be drawn")
    )
    with pytest.raises(UsageError, match=r"shoplake\[report\]"):
        report.write(shopsim.load_scenario("demo"), SEED, 1, tmp_path / "report.html")
