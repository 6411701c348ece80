"""Products: variants, ranks that wander, prices that change, flash sales; and money in the customer's currency."""

from __future__ import annotations

import numpy as np
import pytest

from shopsim.calendar.scenario_calendar import ScenarioCalendar
from shopsim.core.records import ABSENT, field
from shopsim.core.rng import Purpose, RandomStream
from shopsim.shop.catalogue import Catalogue
from shopsim.shop.currencies import ExchangeRates
from shopsim.shop.popularity import PopularityRanks
from shopsim.shop.text_pools import pools


def advanced(scenario, windows):
    """The last assortment, and the catalogue's events of each window."""
    catalogue, calendar = Catalogue(scenario, 7), ScenarioCalendar(scenario)
    events = []
    for window in range(windows):
        period = calendar.period(window)
        products, happened = catalogue.advance(period)
        events.append(happened.take(period.end_ms))
    return products, events


def test_a_model_comes_in_every_size_and_in_some_colours_all_different(changed):
    shelf = {"name": "Clothing", "weight": 1, "price_cents": [1000, 2000], "nouns": ["Cap"]}
    scenario = changed(catalogue={"products": 400, "categories": [{**shelf, "colours": 12, "sizes": ["S", "M"]}]})
    products, _ = advanced(scenario, 1)
    variants = pools(scenario, 7).variants(products.category, products.naming, products.variant)
    by_model: dict[int, list[str]] = {}
    for model, variant in zip(products.model.tolist(), variants, strict=True):
        by_model.setdefault(model, []).append(variant)
    whole = list(by_model.values())[:-1]  # the last one may be cut short
    assert all(len(set(found)) == len(found) for found in whole)
    sizes = {len(found) for found in whole}
    assert sizes <= set(range(2, 25, 2))
    assert len(sizes) > 6
    assert all(v.rpartition(" / ")[2] in ("S", "M") for found in whole for v in found)


def test_a_product_without_colours_and_sizes_is_no_variant(changed):
    shelf = {"name": "Books", "weight": 1, "price_cents": [1000, 2000], "nouns": ["Atlas"]}
    scenario = changed(catalogue={"categories": [shelf]})
    products, _ = advanced(scenario, 1)
    assert set(products.model.tolist()) == {ABSENT}
    assert set(pools(scenario, 7).variants(products.category, products.naming, products.variant)) == {None}


def test_popularity_stays_zipfs_while_ranks_wander(changed):
    ranks = PopularityRanks(changed(catalogue={"zipf": 1.0, "drift": 0.2}).catalogue)
    ranks.add_products(np.arange(200))
    draws = RandomStream(7, -1, 0, Purpose.CATALOGUE)
    first = ranks.drift_ranks(draws, 1, np.arange(200))
    later = first
    for _ in range(20):
        later = ranks.drift_ranks(draws, 1, np.arange(200))
    assert sorted(first.tolist()) == sorted(later.tolist())
    assert (first.max() / np.sort(first)[::-1][:50]).round().tolist() == list(range(1, 51))
    kept = np.corrcoef(np.log(first), np.log(later))[0, 1]
    assert 0.2 < kept < 0.95


def test_without_drift_ranks_stay(changed):
    ranks = PopularityRanks(changed(catalogue={"drift": 0}).catalogue)
    ranks.add_products(np.arange(50))
    draws = RandomStream(7, -1, 0, Purpose.CATALOGUE)
    assert (ranks.drift_ranks(draws, 10, np.arange(50)) == ranks.drift_ranks(draws, 10, np.arange(50))).all()


def test_what_is_no_longer_sold_gives_its_rank_to_the_next(changed):
    ranks = PopularityRanks(changed(catalogue={"drift": 0}).catalogue)
    ranks.add_products(np.arange(10))
    draws = RandomStream(7, -1, 0, Purpose.CATALOGUE)
    before = ranks.drift_ranks(draws, 1, np.arange(10))
    after = ranks.drift_ranks(draws, 1, np.arange(1, 10))
    assert after[0] == 0
    assert after[1:].tolist() == before[:9].tolist()


SALE = {"name": "flash", "hours": 4, "products": 30, "percent": 40, "lift": 2, "demand": 5}


# In the midst of a window, at its start, in its quiet beginning, and over the end of one.
@pytest.mark.parametrize("start", ["2026-09-07T12", "2026-09-09T00", "2026-09-09T02", "2026-09-08T22"])
def test_a_flash_sale_is_a_price_cut_and_its_end_the_price_before(changed, start):
    sale = {**SALE, "start": f"{start}:00:00Z"}
    scenario = changed(flash_sales=[sale], window_hours=96, catalogue={"price_changes_per_year": 100})
    flash = scenario.flash_sales[0]
    _, events = advanced(scenario, 4)
    changes = np.concatenate([e["product_price_changed"] for e in events], axis=1)
    at, product, price = (
        field(changes, "product_price_changed", f) for f in ("occurred_at_ms", "product_id", "price_cents")
    )
    cut, back = at == flash.start_ms, at == flash.end_ms
    assert cut.sum() == 30
    assert product[cut].tolist() == product[back].tolist()
    assert (price[cut] == price[back] * 60 // 100).all()
    assert not ((at > flash.start_ms) & (at < flash.end_ms) & np.isin(product, product[cut])).any()


def test_a_price_asked_for_is_that_of_the_last_change_before(changed):
    sale = {**SALE, "start": "2026-09-03T12:00:00Z"}
    scenario = changed(flash_sales=[sale], window_hours=96)
    products, events = advanced(scenario, 1)
    flash = scenario.flash_sales[0]
    changes = events[0]["product_price_changed"]
    at, product = changes[0], field(changes, "product_price_changed", "product_id")
    chosen = product[at == flash.start_ms]
    prices = [products.prices.at(chosen, np.full(30, t)) for t in (flash.start_ms - 1, flash.start_ms, flash.end_ms)]
    assert (prices[1] == prices[0] * 60 // 100).all()
    assert (prices[2] == prices[0]).all()


def test_in_a_flash_sale_its_products_are_wanted_more(changed):
    sale = {**SALE, "start": "2026-09-03T12:00:00Z", "demand": 10}
    products, events = advanced(changed(flash_sales=[sale], window_hours=96), 1)
    before, during, after = products.offers
    changes = events[0]["product_price_changed"]
    chosen = field(changes, "product_price_changed", "product_id")[changes[0] == during.from_ms]

    def share(shelf):
        picked = RandomStream(7, 0, 0, Purpose.BROWSING).pick(shelf.demand, 20_000)
        return np.isin(shelf.candidates[picked], chosen).mean()

    assert share(during) > 3 * share(before)
    assert share(after) == share(before)


def test_a_list_price_is_asked_in_whole_minor_units_of_the_customers_currency(changed):
    scenario = changed(
        customers={"locales": {"de_DE": 1, "en_GB": 1, "ja_JP": 1}}, currencies={"GBP": 0.86, "JPY": 162.4}
    )
    exchange = ExchangeRates(scenario)
    assert exchange.currencies == ["EUR", "GBP", "JPY"]
    assert exchange.amount(np.array([1999, 1999, 1999]), np.arange(3)).tolist() == [1999, 1719, 3246]
    assert exchange.amount(np.array([1, 1, 0]), np.array([1, 2, 2])).tolist() == [1, 2, 0]


def test_a_currency_without_minor_units_may_be_that_of_the_list(changed):
    exchange = ExchangeRates(changed(currency="JPY", currencies={"EUR": 0.0062, "GBP": 0.0053}))
    assert exchange.amount(np.array([3250, 3250]), np.array([0, 2])).tolist() == [2015, 3250]
