"""Scenarios: what is shipped is valid, what is wrong is explained."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

import shopsim
from shopsim.schema import json_schema

SCENARIOS = Path(__file__).parents[3] / "generators" / "scenarios"

SALE = {"name": "x", "hours": 1, "products": 1, "percent": 9, "lift": 2, "demand": 2}

WRONG = {
    "an unknown key": (
        ("funnel", "chekout"),
        0.5,
        "funnel.chekout: expected one of the keys",
        "did you mean `checkout`?",
    ),
    "a rate over 1": (("funnel", "cart"), 1.5, "funnel.cart: expected `float` <= 1.0, found 1.5", ""),
    "a word for a number": (("lanes",), "many", "lanes: expected `int`, found 'many'", ""),
    "a date that is none": (("start",), "2026-13-01", "start: expected", "found '2026-13-01'"),
    "a date that the contract cannot say": (("start",), "1970-01-01", "start: expected a date from 1990-01-02", ""),
    "a funnel over 1": (("funnel", "search"), 0.8, "funnel: expected search + product of at most 1, found 1.3", ""),
    "a segment nobody knows": (("customers", "segments", "vip"), {}, "customers.segments.vip", "bargain, regular"),
    "a section that is no section": (("orders",), 5, "orders: expected `object`, found 5", ""),
    "an event type nobody knows": (("faults", "events"), ["page_seen"], "faults.events", "found `page_seen`"),
    "weights of zero": (("payments", "methods"), {"card": 0}, "payments.methods: expected at least one weight", ""),
    "prices upside down": (
        ("catalogue", "categories"),
        [{"name": "Toys", "weight": 1, "price_cents": [900, 100], "nouns": ["Kite"]}],
        "catalogue.categories[0].price_cents: expected [lowest, highest]",
        "found [900, 100]",
    ),
    "a file of another version": (("version",), 2, "version: expected 1, the version of scenario files", "found 2"),
    "a locale whose currency has no rate": (
        ("customers", "locales"),
        {"ja_JP": 1},
        "customers.locales.ja_JP: expected a rate for JPY in `currencies`",
        "found GBP",
    ),
    "a rate for the currency of the list": (
        ("currencies",),
        {"EUR": 1.0, "GBP": 0.9},
        "currencies.EUR: expected no rate for the currency of the list prices",
        "",
    ),
    "a campaign that ends before it begins": (
        ("campaigns",),
        [{"name": "x", "first": "2026-10-02", "last": "2026-10-01", "lift": 2}],
        "campaigns[0]: expected first <= last, from the start 2026-09-01",
        "found 2026-10-02 to 2026-10-01",
    ),
    "a campaign with an unknown key": (
        ("campaigns",),
        [{"name": "x", "first": "2026-10-02", "last": "2026-10-03", "lift": 2, "rebate": 3}],
        "campaigns[0].rebate: expected one of the keys",
        "",
    ),
    "two campaigns of one name": (
        ("campaigns",),
        [{"name": "x", "first": "2026-10-02", "last": "2026-10-03", "lift": 2}] * 2,
        "campaigns: expected names that differ, found `x` twice",
        "",
    ),
    "a flash sale before the start": (
        ("flash_sales",),
        [SALE | {"start": "2026-08-02T10:00:00Z"}],
        "flash_sales[0].start: expected a time after the start 2026-09-01",
        "",
    ),
    "a flash sale at a quarter past": (
        ("flash_sales",),
        [SALE | {"start": "2026-10-02T10:15:00Z"}],
        "flash_sales[0].start: expected a full hour",
        "",
    ),
    "hours of half a day": (("seasons", "hours"), [1] * 12, "seasons.hours: expected `array` of length >= 24", ""),
}


@pytest.fixture
def definition(demo):
    return copy.deepcopy(demo.to_dict())


@pytest.mark.parametrize(("path", "value", "message", "detail"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_value_is_named_with_what_was_expected(definition, path, value, message, detail):
    section = definition
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    with pytest.raises(shopsim.ScenarioError) as caught:
        shopsim.scenario_from_dict(definition)
    assert message in str(caught.value)
    assert detail in str(caught.value)
    assert caught.value.key.startswith(path[0])


def test_a_missing_value_is_named(definition):
    del definition["stock"]["minimum"]
    with pytest.raises(shopsim.ScenarioError, match=r"stock\.minimum: expected a value, found nothing"):
        shopsim.scenario_from_dict(definition)


@pytest.mark.parametrize("text", ["a: [1, 2", "- just\n- a list", "", "\x00"])
def test_a_file_that_is_no_mapping_is_refused_with_its_name(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(shopsim.ScenarioError, match=r"mine\.yaml: expected"):
        shopsim.load_scenario(str(path))


def test_a_misspelt_name_gets_the_nearest(tmp_path):
    with pytest.raises(shopsim.ScenarioError, match="did you mean `demo`"):
        shopsim.load_scenario("demmo")


@pytest.mark.parametrize("name", shopsim.scenarios())
def test_a_shipped_scenario_is_valid_and_survives_json(name):
    scenario = shopsim.load_scenario(name)
    again = shopsim.scenario_from_dict(json.loads(json.dumps(scenario.to_dict())))
    assert scenario.name == name
    assert again == scenario
    assert again.digest == scenario.digest


def test_the_digest_does_not_depend_on_the_order_of_keys(demo):
    turned = dict(reversed(demo.to_dict().items()))
    assert shopsim.scenario_from_dict(turned).digest == demo.digest


def test_the_events_do_not_depend_on_the_order_of_keys_either(demo, simulated):
    definition = demo.to_dict()
    customers, sessions = definition["customers"], definition["sessions"]
    customers["locales"] = dict(reversed(customers["locales"].items()))
    sessions["campaigns"] = dict(reversed(sessions["campaigns"].items()))
    turned = shopsim.scenario_from_dict(definition)
    assert simulated(turned, 7, 6_000).equals(simulated(demo, 7, 6_000))


def test_the_digest_changes_with_any_value(demo, changed):
    assert changed(funnel={"cart": 0.361}).digest != demo.digest


def test_a_scenario_from_a_path_is_the_shipped_one(demo):
    assert shopsim.load_scenario(str(SCENARIOS / "demo.yaml")) == demo


def test_the_json_schema_is_current():
    """`python -m shopsim.schema > generators/scenarios/scenario.schema.json` renews it."""
    assert json.loads((SCENARIOS / "scenario.schema.json").read_text()) == json.loads(json.dumps(json_schema()))


def test_lanes_that_are_not_there_are_refused(demo):
    with pytest.raises(shopsim.ScenarioError, match="lanes"):
        shopsim.simulate(demo, 7, lanes=[99])
