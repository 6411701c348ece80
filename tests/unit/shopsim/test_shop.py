"""What the demo looks like: complete, valid, and like a shop."""

from __future__ import annotations

import numpy as np
import polars as pl

from shoplake.contract import EVENTS, TOPICS, decode
from shopsim.core.locales import LOCALES
from shopsim.core.rng import Purpose, RandomStream
from shopsim.shop.reviews import _rating


def test_every_event_type_occurs(demo_rows):
    assert set(demo_rows["type"].unique()) == set(EVENTS)


def test_the_key_is_the_topics(demo_rows):
    for topic in TOPICS.values():
        mine = demo_rows.filter((pl.col("topic") == topic.name) & pl.col("fault").is_null())
        assert decode(topic.name, mine["value"].to_list()).events[topic.key].equals(mine["key"])


def test_evenings_are_busier_than_nights(demo_shop):
    by_hour = dict(
        demo_shop.execute(
            "SELECT hour(make_timestamp(occurred_at_ms * 1000)), count(*) FROM session_started GROUP BY 1"
        ).fetchall()
    )
    assert by_hour[20] > 10 * by_hour[3]


def test_customers_of_every_locale_have_a_name_an_address_and_a_mail(changed, simulated):
    currencies = {"GBP": 0.86, "PLN": 4.3, "SEK": 11, "USD": 1.1, "JPY": 160}
    scenario = changed(customers={"locales": dict.fromkeys(LOCALES, 1)}, currencies=currencies)
    rows = simulated(scenario, 7, 3_000).filter(pl.col("type") == "customer_registered")
    customers = decode("customers", rows["value"].to_list()).events
    found = dict(customers.select("country", "currency").unique().iter_rows())
    assert found == {locale.country: locale.currency for locale in LOCALES.values()}
    for field in ("name", "street", "postcode", "city"):
        assert (customers[field].str.strip_chars() == customers[field]).all()
        assert (customers[field].str.len_chars() > 1).all()
    assert customers["email"].str.contains(r"^[a-z0-9]+\.[a-z0-9]+\.\d+-\d+@example\.com$").all()
    assert not customers["email"].str.contains("someone").any()


def test_few_products_get_most_of_the_attention(demo_shop):
    views = [n for (n,) in demo_shop.execute("SELECT count(*) AS n FROM product_viewed GROUP BY product_id").fetchall()]
    views.sort(reverse=True)
    assert sum(views[: len(views) // 5]) > 0.45 * sum(views)


def test_each_step_of_the_funnel_is_narrower(demo_shop):
    steps = ["product_viewed", "cart_item_added", "checkout_started", "checkout_completed"]
    counts = [demo_shop.execute(f"SELECT count(DISTINCT session_id) FROM {step}").fetchone()[0] for step in steps]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == len(counts)


def test_most_carts_are_abandoned(demo_shop):
    abandoned = "SELECT count(*) FROM carts WHERE session_id NOT IN (SELECT session_id FROM order_placed)"
    assert demo_shop.execute(abandoned).fetchone()[0] > 1_000


def test_better_products_are_rated_better():
    def mean(quality: int) -> float:
        return float(_rating(RandomStream(1, 0, 0, Purpose.REVIEWS), np.full(2_000, quality)).mean())

    assert mean(150) + 1 < mean(300) < mean(450) - 1


def test_names_mails_and_cities_are_of_one_country(demo_shop):
    countries = demo_shop.execute("SELECT DISTINCT country FROM customer_registered ORDER BY 1").fetchall()
    assert countries == [("DE",), ("FR",), ("GB",), ("IT",), ("NL",)]
    shared = "SELECT name FROM customer_registered WHERE email = '' OR email NOT SIMILAR TO '[a-z0-9.-]+@example.com'"
    assert demo_shop.execute(shared).fetchall() == []
