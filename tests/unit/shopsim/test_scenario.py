"""Scenarios: what is shipped is valid, what is wrong is explained."""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path

import pytest

import shopsim
from shopsim.scenario.json_schema import json_schema
from shopsim.scenario.yaml_positions import Document

SCENARIOS = Path(__file__).parents[3] / "generators" / "scenarios"

# What is wrong -> (a line of the demo, what to put there, the line it is in then, the message after the file's name).
WRONG = {
    "an unknown key": (
        "  checkout: 0.55",
        "  chekout: 0.55",
        ":3: funnel.chekout: expected one of the keys search, product, cart, add, remove, checkout, complete, found "
        "`chekout` (did you mean `checkout`?)",
    ),
    "an unknown section": (
        "funnel:",
        "funel:",
        ":1: funel: expected one of the keys version, name,",
    ),
    "a rate over 1": ("  cart: 0.36", "  cart: 1.5", ":9: funnel.cart: expected a number from 0 to 1, found 1.5"),
    "a rate below 0": ("  cart: 0.36", "  cart: -0.1", ":9: funnel.cart: expected a number from 0 to 1, found -0.1"),
    "a rate that is no number": (
        "  cart: 0.36",
        "  cart: .nan",
        ":9: funnel.cart: expected a number from 0 to 1, found nan",
    ),
    "a funnel over 1": (
        "  search: 0.16",
        "  search: 0.8",
        ":1: funnel: expected search + product of at most 1, found 1.3",
    ),
    "a word for a number": (
        "lanes: 8",
        "lanes: many",
        ":8: lanes: expected a whole number from 1 to 4,096, found 'many'",
    ),
    "half a lane": ("lanes: 8", "lanes: 8.5", ":8: lanes: expected a whole number from 1 to 4,096, found 8.5"),
    "nothing for a number": ("lanes: 8", "lanes:", "lanes: expected a whole number from 1 to 4,096, found nothing"),
    "a date that is none": (
        "start: 2026-09-01",
        "start: 2026-13-01",
        ":8: start: expected a date such as 2026-09-01, found '2026-13-01'",
    ),
    "a date that the contract cannot say": (
        "start: 2026-09-01",
        "start: 1970-01-01",
        ":8: start: expected a date from 1990-01-02 to 2099-01-01, found 1970-01-01",
    ),
    "a scenario of another version": (
        "version: 1\nname",
        "version: 2\nunheard: of\nname",
        ":10: version: expected 1, the version of scenario files that this release reads, found 2",
    ),
    "a segment nobody knows": (
        "    premium: {",
        "    premum: {",
        ":5: customers.segments.premum: expected one of the keys bargain, regular, loyal, premium, found `premum` (did"
        " you mean `premium`?)",
    ),
    "a locale nobody knows": (
        "  locales: {de_DE: 5, fr_FR: 3",
        "  locales: {de_DE: 5, fr_FT: 3",
        ":23: customers.locales.fr_FT: expected one of",
    ),
    "a section that is no section": (
        "reviews:",
        "reviews: 5\nreview:",
        ":10: reviews: expected a mapping of keys to values, found 5",
    ),
    "faults of an event type nobody knows": (
        "    page_viewed: {",
        "    page_seen: {",
        ":5: faults.rates.page_seen: expected `all`, a topic or an event type, found `page_seen` (did you mean"
        " `page_viewed`?)",
    ),
    "a fault nobody knows": (
        "    page_viewed: {malformed: 0.0002",
        "    page_viewed: {malformd: 0.0002",
        ":19: faults.rates.page_viewed.malformd: expected one of the keys late, out_of_order, duplicated, malformed,",
    ),
    "faults for more events than there are": (
        "    page_viewed: {malformed: 0.0002",
        "    page_viewed: {late: 0.9, malformed: 0.2",
        ":3: faults.rates: expected shares that add up to at most 1 for page_viewed, found 1.1002",
    ),
    "a fault that no field can have": (
        "    page_viewed: {",
        "    products: {unknown_enum: 0.1}\n    page_viewed: {",
        "faults.rates.products.unknown_enum: expected no rate, as no field of products can be hit by it, found 0.1",
    ),
    "weights of zero": (
        "  methods: {card: 55, wallet: 35, bank_transfer: 10}",
        "  methods: {card: 0}",
        ":12: payments.methods: expected at least one weight above 0, found only zeros",
    ),
    "no weights": (
        "  methods: {card: 55, wallet: 35, bank_transfer: 10}",
        "  methods: {}",
        "payments.methods: expected",
    ),
    "prices upside down": (
        "price_cents: [900, 19900]",
        "price_cents: [900, 100]",
        "categories[0].price_cents: expected [lowest, highest] with 50 <= lowest <= highest, found [900, 100]",
    ),
    "hours of half a day": (
        "  weekdays: [96, 92, 92, 94, 98, 112, 120]",
        "  weekdays: [1, 1, 1, 1, 1, 1]",
        ":13: seasons.weekdays: expected a list of 7 items, found a list of 6",
    ),
    "a weight in a list that is none": (
        "  weekdays: [96, 92,",
        "  weekdays: [96, busy,",
        ":18: seasons.weekdays[1]: expected a number from 0 to 1,000,000, found 'busy'",
    ),
    "a locale whose currency has no rate": (
        "  locales: {de_DE: 5,",
        "  locales: {ja_JP: 5,",
        ":20: customers.locales.ja_JP: expected a rate for JPY in `currencies`, as these customers pay in it, found",
    ),
    "a rate for the currency of the list": (
        "currencies: {GBP: 0.86}",
        "currencies: {GBP: 0.86, EUR: 1}",
        ":30: currencies.EUR: expected no rate for the currency of the list prices, found one",
    ),
    "a rate for what is no currency": (
        "currencies: {GBP: 0.86}",
        "currencies: {GBP: 0.86, euro: 1}",
        ":25: currencies.euro: expected a key that is three capital letters, such as EUR, found 'euro'",
    ),
    "a campaign that ends before it begins": (
        "first: 2026-09-12, last: 2026-09-14",
        "first: 2026-09-12, last: 2026-09-11",
        ":5: campaigns[0]: expected first <= last, from the start 2026-09-01 to 2099-12-31, found 2026-09-12 to",
    ),
    "a campaign with an unknown key": (
        "last: 2026-09-14, lift: 1.6",
        "last: 2026-09-14, lift: 1.6, rebate: 3",
        "campaigns[0].rebate: expected one of the keys name, first, last, lift, found `rebate`",
    ),
    "two campaigns of one name": (
        "  - {name: autumn-sale, first: 2026-09-12",
        "  - {name: autumn-sale, first: 2026-09-02, last: 2026-09-03, lift: 2}\n"
        "  - {name: autumn-sale, first: 2026-09-12",
        "campaigns: expected names that differ, found `autumn-sale` twice",
    ),
    "a flash sale before the start": (
        "start: 2026-09-04T16:00:00Z",
        "start: 2026-08-04T16:00:00Z",
        ":33: flash_sales[0].start: expected a time after the start 2026-09-01 and before 2100",
    ),
    "a flash sale at a quarter past": (
        "start: 2026-09-04T16:00:00Z",
        "start: 2026-09-04T16:15:00Z",
        ":33: flash_sales[0].start: expected a full hour, found 2026-09-04T16:15:00+00:00",
    ),
    "a flash sale at no time of the world": (
        "start: 2026-09-04T16:00:00Z",
        "start: 2026-09-04T16:00:00",
        ":33: flash_sales[0].start: expected a time with its zone, such as 2026-09-04T16:00:00Z, found",
    ),
    "a key twice": (
        "lanes: 8",
        "lanes: 8\nname: again",
        ":1: name: expected each key once, found `name` again, first in",
    ),
    "an open bracket": ("lanes: 8", "lanes: [8", "expected valid YAML, found"),
    "a tab": (
        "  cart: 0.36",
        "\tcart: 0.36",
        ":1: expected valid YAML, found an error in its syntax: character '\\t' that cannot start any",
    ),
}


@pytest.fixture
def definition(demo):
    return copy.deepcopy(demo.to_dict())


@pytest.mark.parametrize(("before", "after", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_mistake_is_named_with_file_line_key_and_what_was_expected(tmp_path, before, after, message):
    text = (SCENARIOS / "demo.yaml").read_text()
    assert text.count(before) == 1
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace(before, after))
    errors = shopsim.check_scenario(str(path))
    with pytest.raises(shopsim.ScenarioError) as caught:
        shopsim.load_scenario(str(path))
    assert str(caught.value) == str(errors[0])
    line = text[: text.index(before)].count("\n") + 1
    assert any(f"{path}:" in str(error) and message in str(error) for error in errors), [str(e) for e in errors]
    found = next(error for error in errors if message in str(error))
    assert line - 4 <= found.line <= line + 2  # of a sum, the section; after a replacement of two lines, the second


def test_the_line_and_column_are_those_of_the_key_that_is_wrong_and_of_the_value_that_is_wrong(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("# a shop\nname: x\nfunnel:\n  cart: 7\n  wagon: 1\n")
    errors = {error.key: (error.line, error.column) for error in shopsim.check_scenario(str(path))}
    assert errors["funnel.cart"] == (4, 9)
    assert errors["funnel.wagon"] == (5, 3)
    assert errors["funnel.search"] == (3, 1)  # missing: where it should be
    assert errors["stock"] == (2, 1)


def test_all_mistakes_are_found_at_once(definition):
    definition["funnel"]["cart"] = 2
    definition["lanes"] = "many"
    del definition["stock"]["minimum"]
    found = [(error.key, error.found) for error in shopsim.loading.files._errors(Document(definition))]
    assert found == [("lanes", "'many'"), ("funnel.cart", "2"), ("stock.minimum", "nothing")]


def test_a_missing_value_is_named(definition):
    del definition["stock"]["minimum"]
    with pytest.raises(shopsim.ScenarioError, match=r"^stock\.minimum: expected a value, found nothing$"):
        shopsim.scenario_from_dict(definition)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2", "expected valid YAML"),
        ("- just\n- a list", "expected a mapping of keys to values"),
        ("", "expected a mapping of keys to values, found nothing"),
        ("name: x\nb: \x00", ":2:4: expected valid YAML, found an error in its syntax: the character U+0000,"),
        ("a: &a [*a]", "a: expected one of the keys"),
        ("a: &a {b: *a}", "a: expected one of the keys"),
        ("[" * 5_000, "nested too deeply"),
        ("? [1, 2]\n: 3", "expected valid YAML, found an error in its syntax: unhashable key"),
        ("--- 1\n--- 2", "expected valid YAML, found an error in its syntax: another document"),
        ("x" * 1_000_001, "expected at most 1,000,000 characters"),
        (
            "a: &a [" + "1," * 99 + "]\nb: &b [" + "*a," * 99 + "]\nc: [" + "*b," * 99 + "]",
            "expected at most 100,000 values",
        ),
    ],
)
def test_a_file_that_is_no_scenario_at_all_is_refused_with_its_name(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(shopsim.ScenarioError) as caught:
        shopsim.load_scenario(str(path))
    assert str(caught.value).startswith(f"{path}:")
    assert message in str(caught.value)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(shopsim.ScenarioError, match=r"mine\.yaml: expected a readable UTF-8 file"):
        shopsim.load_scenario(str(path))


def test_a_value_that_is_merged_in_is_pointed_at_where_it_is_written(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("funnel: &f\n  cart: 7\nreturns:\n  <<: *f\n  share: 0.1\n")
    errors = {error.key: error.line for error in shopsim.check_scenario(str(path))}
    assert errors["returns.cart"] == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "demmo",
            r"expected a YAML file or one of the shipped scenarios .*demo.*, found `demmo` \(did you mean `demo`\?\)",
        ),
        ("{here}/mine.yml", r"mine\.yml: expected a file, found none of this name \(did you mean `.*mine\.yaml`\?\)"),
        ("nowhere/else.yaml", r"^nowhere/else\.yaml: expected a file, found none of this name$"),
        ("{here}", "expected a YAML file, found a folder"),
    ],
)
def test_a_file_that_is_not_there_is_named_with_the_nearest(tmp_path, name, message):
    (tmp_path / "mine.yaml").touch()
    with pytest.raises(shopsim.ScenarioError, match=message):
        shopsim.load_scenario(name.format(here=tmp_path))


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
    """`python -m shopsim.scenario.json_schema > generators/scenarios/scenario.schema.json` renews it."""
    assert json.loads((SCENARIOS / "scenario.schema.json").read_text()) == json.loads(json.dumps(json_schema()))


def test_on_another_start_all_dates_move_by_as_many_days(demo):
    moved = shopsim.starting(demo, dt.date(2027, 9, 4))
    days = dt.timedelta(days=368)
    assert moved.start == demo.start + days
    for name in ("first", "last"):
        assert getattr(moved.campaigns[0], name) == getattr(demo.campaigns[0], name) + days
    assert moved.flash_sales[0].start == demo.flash_sales[0].start + days
    assert moved.digest != demo.digest
    assert shopsim.starting(moved, demo.start) == demo


@pytest.mark.parametrize("start", [dt.date(1989, 1, 1), dt.date(1, 1, 1), dt.date(9999, 12, 31)])
def test_a_start_at_which_no_shop_can_begin_is_refused(demo, start):
    with pytest.raises(shopsim.ScenarioError, match=r"^start: expected a date from 1990-01-02 to 2099-01-01, found"):
        shopsim.starting(demo, start)


def test_lanes_that_are_not_there_are_refused(demo):
    with pytest.raises(shopsim.ScenarioError, match="lanes"):
        shopsim.simulate(demo, 7, lanes=[99])
