"""Scenarios at the limits: what no event can hold is refused beforehand, what can be held is held."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shopsim
from shoplake import contract
from shopsim.loading import size_limits
from shopsim.scenario import section_types
from shopsim.shop import currencies

PLACES = (
    "catalogue.categories.0.name",
    "catalogue.categories.0.nouns.0",
    "catalogue.categories.2.sizes.0",
    "campaigns.0.name",
    "flash_sales.0.name",
)
BAD = {"nul": "\0", "escape": "\x1b[2J", "line feed": "\n", "C1": "\x85", "delete": "\x7f", "half a pair": "\ud83d"}


def put(definition: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    changed = json.loads(json.dumps(definition))  # lists, as a file has them
    *above, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    inside: Any = changed
    for step in above:
        inside = inside[step]
    inside[last] = value
    return changed


def refused(definition: dict[str, Any]) -> str:
    with pytest.raises(shopsim.ScenarioError) as caught:
        shopsim.scenario_from_dict(definition)
    return str(caught.value)


def rejected(scenario: shopsim.Scenario, limit: int) -> list[contract.Rejected]:
    rows = pl.concat([window.rows for window in shopsim.stream(scenario, 7, limit=limit)])
    return [
        each
        for topic in contract.TOPICS
        for each in contract.rejections(topic, rows.filter(pl.col("topic") == topic)["value"].to_list())
    ]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("path", PLACES)
def test_text_that_no_store_can_hold_is_refused_with_the_character(demo, path, bad):
    message = refused(put(demo.to_dict(), path, f"Caf{bad}"))
    assert "without control characters and lone surrogates, found U+" in message
    assert f"U+{ord(bad[0]):04X} as character 4 of" in message
    assert message.isprintable()


@pytest.mark.parametrize("bad", ["\ud83d", "\0", "\x1b[2J"])
def test_a_description_and_a_name_of_a_campaign_are_held_to_the_same(demo, bad):
    assert "description: expected text of at most 2000" in refused(put(demo.to_dict(), "description", f"a\n{bad}"))
    message = refused(put(demo.to_dict(), "sessions.campaigns", {bad: 1}))
    assert "expected a key that is text of 1 to 60 characters" in message
    assert message.isprintable()


@pytest.mark.parametrize("key", ["\ud83d", "a\x1b[2Jb"])
def test_a_message_about_an_unknown_key_can_be_printed(demo, key):
    message = refused({**demo.to_dict(), key: 1})
    assert message.isprintable()
    assert ascii(key)[1:-1] in message


def test_an_emoji_that_json_wrote_as_a_surrogate_pair_is_that_emoji(demo, tmp_path):
    definition = put(demo.to_dict(), "catalogue.categories.0.name", "Shoes 👟")
    path = tmp_path / "mine.yaml"
    path.write_text(json.dumps(definition))
    assert r"\ud83d\udc5f" in path.read_text()
    scenario = shopsim.load_scenario(str(path))
    assert scenario.catalogue.categories[0].name == "Shoes 👟"
    assert scenario.digest == shopsim.scenario_from_dict(definition).digest


def test_a_pair_in_the_wrong_order_is_pointed_at(demo, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text('version: 1\ncatalogue:\n  categories:\n  - name: "\\udc5f\\ud83d"\n')
    found = next(e for e in shopsim.check_scenario(str(path)) if e.key == "catalogue.categories[0].name")
    assert (found.line, found.column) == (4, 11)


def test_the_longest_names_of_the_widest_characters_fit_the_contract(demo):
    widest = "👟" * 60
    definition = demo.to_dict()
    for number, path in enumerate(PLACES):
        definition = put(definition, path, f"{widest[:59]}{number}")
    definition["sessions"]["campaigns"] = {"İ" * 60: 1}
    for category in definition["catalogue"]["categories"]:
        category["nouns"] = ["İ" * 60]  # its lower-case form is two characters
    assert rejected(shopsim.scenario_from_dict(definition), 4_000) == []


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60))
def test_any_other_text_can_be_a_name_and_has_a_digest(name):
    assert msgspec.convert(name, section_types.Name) == name
    assert len(msgspec.structs.replace(DEMO, description=name).digest) == 64


DEMO = shopsim.load_scenario("demo")


@pytest.mark.parametrize("name", ["EUR", "SEK"])
def test_prices_that_pass_the_contract_in_a_currency_that_somebody_pays_in_are_refused_at_its_rate(demo, name):
    definition = put(demo.to_dict(), "catalogue.categories.0.price_cents", [50, 100_000_000])
    definition["currency"] = "JPY"
    definition["currencies"] = {"EUR": 0.01, "SEK": 0.01, name: 20_000}
    definition["customers"]["locales"] = {"de_DE": 1, "sv_SE": 1}
    assert f"currencies.{name}: expected prices at which an order of 40 products" in refused(definition)


def test_a_currency_that_nobody_pays_in_is_not_looked_at(demo):
    definition = demo.to_dict()
    definition["currencies"]["KRW"] = 20_000.0
    shopsim.scenario_from_dict(definition)


@pytest.mark.parametrize("key", ["shipping_cents", "free_shipping_from_cents"])
def test_a_product_of_rate_and_amount_past_63_bits_is_refused(demo, key):
    """Free shipping from 100 million, at 20,000 for one and two more digits, was free for everybody."""
    definition = put(demo.to_dict(), f"orders.{key}", 100_000_000)
    definition["currency"] = "JPY"
    definition["currencies"] = dict.fromkeys(("EUR", "GBP", "PLN", "SEK", "USD"), 20_000.0)
    assert "currencies." in refused(definition)


def test_a_rate_that_rounds_to_nothing_is_refused(demo):
    definition = demo.to_dict()
    used = next(iter(definition["currencies"]))
    definition["currencies"][used] = 1e-9
    assert "a millionth of one" in refused(definition)


def test_what_is_accepted_at_the_limit_is_what_the_contract_accepts(demo):
    """The dearest list price that is accepted: no amount wraps, none is refused. One step more is refused."""
    low, high = 50, 10**15
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (middle, high) if not _money_problems(demo, middle) else (low, middle)
    assert low >= 100_000
    price = min(low, 100_000_000)
    definition = demo.to_dict()
    for category in definition["catalogue"]["categories"]:
        category["price_cents"] = [price, price]
    assert rejected(shopsim.scenario_from_dict(definition), 6_000) == []


def _money_problems(demo: shopsim.Scenario, price: int) -> list[Any]:
    categories = tuple(
        msgspec.structs.replace(category, price_cents=(price, price)) for category in demo.catalogue.categories
    )
    return size_limits.problems(
        msgspec.structs.replace(demo, catalogue=msgspec.structs.replace(demo.catalogue, categories=categories))
    )


def test_the_limit_is_the_contracts(monkeypatch, demo):
    monkeypatch.setattr(size_limits, "largest_amount", lambda: 10**6)
    assert "at most 1,000,000 minor units" in refused(demo.to_dict())


@given(cents=st.integers(0, 2**40), rate=st.floats(0.001, 20_000))
def test_an_amount_is_converted_as_whole_numbers_of_any_size_would_be(cents, rate):
    demo = DEMO
    used = shopsim.core.locales.LOCALES[next(iter(demo.customers.locales))].currency
    scenario = msgspec.structs.replace(demo, currency="ZZZ", currencies={**demo.currencies, used: rate, "EUR": rate})
    exchange = currencies.ExchangeRates(scenario)
    factor = currencies.minor_rate(scenario, used)
    if cents * factor + currencies.PPM >= 2**63:
        return
    got = exchange.amount(np.array([cents]), np.array([exchange.currencies.index(used)]))
    assert got.tolist() == [max((cents * factor + currencies.PPM // 2) // currencies.PPM, min(cents, 1))]


def test_a_flash_sale_of_more_products_than_the_shop_has_is_refused(demo):
    definition = put(demo.to_dict(), "flash_sales.0.products", 100_000)
    assert "flash_sales[0].products: expected at most" in refused(definition)
