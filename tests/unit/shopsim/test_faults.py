"""Faults: as many as asked, of the kinds asked, known one by one, and the same however the stream is made."""

from __future__ import annotations

from collections import Counter

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.example_counts import examples

import shopsim
from shoplake.contract import EVENTS, TOPIC_OF, TOPICS, decode, rejections
from shopsim.engine.encode import ORDER, encode
from shopsim.engine.publish_windows import published_batches
from shopsim.faults.encoding import CONTENT_FAULTS, REASONS, break_event, targets
from shopsim.faults.selection import FAULTS, TIMING_FAULTS, ledger, stated_rates
from shopsim.shop.text_pools import pools

SEED = 7
EVENTS_EACH = 20_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


@pytest.fixture(scope="module")
def dirty(changed):
    """Every fault on every topic, and late events that skip several of its short windows."""
    return changed(
        customers={"initial": 400, "signups_per_day": 8},
        window_hours=12,
        faults={"rates": {"all": dict.fromkeys(FAULTS, 0.02)}, "late": {"median_minutes": 300, "cap_hours": 40}},
    )


@pytest.fixture(scope="module")
def dirty_rows(dirty, simulated):
    return simulated(dirty, SEED, EVENTS_EACH)


def sound(scenario: shopsim.Scenario) -> shopsim.Scenario:
    return msgspec.structs.replace(scenario, faults=msgspec.structs.replace(scenario.faults, rates={}))


def test_exactly_the_events_with_a_breaking_fault_are_refused_each_for_its_reason(dirty_rows):
    for topic in TOPICS:
        mine = dirty_rows.filter(pl.col("topic") == topic)
        refused = {r.position: r.reason for r in decode(topic, mine["value"].to_list()).rejected}
        hit = mine.with_row_index("position").filter(pl.col("fault").is_in(CONTENT_FAULTS))
        assert refused == {row["position"]: REASONS[row["fault"]] for row in hit.rows(named=True)}
    assert set(dirty_rows["fault"].drop_nulls()) == set(FAULTS)


@pytest.mark.parametrize("fault", CONTENT_FAULTS)
@given(data=st.data(), number=st.integers(0, 2**32 - 1))
def test_whatever_is_hit_the_event_is_refused_and_keeps_its_id(fault, data, number, sound_values):
    event_type = data.draw(st.sampled_from([event for event in EVENTS if targets(event, fault)]))
    value = data.draw(st.sampled_from(sound_values[event_type]))
    bad = break_event(event_type, fault, value, number)
    (refused,) = rejections(TOPIC_OF[event_type].name, [bad])
    assert refused.reason == REASONS[fault]
    assert value[: value.index(b",", value.index(b"event_id"))].split(b'"event_id"')[1] in bad


@pytest.fixture(scope="module")
def sound_values(dirty_rows, demo_rows):
    """Some sound events of each type."""
    rows = pl.concat([demo_rows, dirty_rows]).filter(pl.col("fault").is_null())
    return {event: rows.filter(pl.col("type") == event)["value"].head(20).to_list() for event in EVENTS}


def test_a_share_is_the_event_types_own_then_its_topics_then_that_of_all(changed, simulated):
    rates = {
        "all": {"wrong_type": 0.1, "late": 0.1},
        "clicks": {"late": 0.3},
        "page_viewed": {"late": 0, "missing_field": 0.5},
    }
    rows = simulated(changed(faults={"rates": rates}), 3, 30_000)
    expected = {
        "page_viewed": {"wrong_type": 0.1, "missing_field": 0.5},
        "product_viewed": {"wrong_type": 0.1, "late": 0.3},
        "stock_received": {"wrong_type": 0.1, "late": 0.1},
    }
    for event, shares in expected.items():
        faults = rows.filter(pl.col("type") == event)["fault"]
        counted = {fault: n / len(faults) for fault, n in Counter(faults.drop_nulls()).items()}
        assert counted == pytest.approx(shares, abs=0.05)


def test_a_demo_without_rates_has_no_fault(demo, simulated):
    rows = simulated(sound(demo), SEED, 5_000)
    assert rows["fault"].null_count() == rows.height
    assert rows["published_at_ms"].equals(rows["occurred_at_ms"], check_names=False)


def test_records_come_in_the_order_in_which_they_are_published(dirty_rows):
    assert dirty_rows.select(ORDER).equals(dirty_rows.select(ORDER).sort(ORDER))
    assert not dirty_rows["occurred_at_ms"].is_sorted()
    windows = (
        dirty_rows.select("window_no", "published_at_ms")
        .group_by("window_no")
        .agg(pl.col("published_at_ms").min().alias("first"), pl.col("published_at_ms").max().alias("last"))
    )
    start, length = shopsim.load_scenario("demo").start_ms, 12 * HOUR_MS
    begins = start + windows["window_no"].cast(pl.Int64) * length
    assert ((windows["first"] >= begins) & (windows["last"] < begins + length)).all()


def test_only_moving_faults_delay_and_by_no_more_than_the_scenario_says(dirty, dirty_rows):
    delays = dirty_rows.with_columns(delay=pl.col("published_at_ms") - pl.col("occurred_at_ms"))
    longest = {"late": 40 * HOUR_MS, "out_of_order": 10_000, "duplicated": 60_000}
    for fault, limit in longest.items():
        mine = delays.filter(pl.col("fault") == fault)["delay"]
        assert 1 <= mine.min() < mine.max() <= limit
    still = delays.filter(~pl.col("fault").is_in(TIMING_FAULTS).fill_null(value=False))["delay"]
    assert (still == 0).all()


def test_late_events_are_as_late_as_asked(changed):
    scenario = changed(
        window_hours=96, faults={"rates": {"clicks": {"late": 1}}, "late": {"median_minutes": 60, "spread": 1}}
    )
    window = next(shopsim.simulate(scenario, SEED))
    rows = encode(scenario, SEED, window, topics=["clicks"])
    delay = (rows["published_at_ms"] - rows["occurred_at_ms"]) / HOUR_MS
    assert delay.median() == pytest.approx(1, rel=0.05)
    assert delay.log().std() == pytest.approx(1, abs=0.1)  # less than 1 by the cap
    assert 20 < delay.max() <= 24


def test_an_event_that_comes_twice_comes_the_same_and_only_the_second_time_as_a_fault(dirty, dirty_rows):
    again = dirty_rows.filter(pl.col("fault") == "duplicated")
    for record in again.rows(named=True):
        both = dirty_rows.filter(pl.col("value") == record["value"])
        assert both["fault"].to_list() == [None, "duplicated"]
        assert both["published_at_ms"][0] == record["occurred_at_ms"] < record["published_at_ms"]
        assert both["key"].n_unique() == both["topic"].n_unique() == 1


def test_behind_the_faults_is_the_same_shop(dirty):
    """Second copies taken out and sorted by time, the records are those of the scenario without faults, but for ids."""

    def plain(scenario):
        until_ms = scenario.start_ms + 5 * 24 * HOUR_MS
        late_ms = until_ms + 48 * HOUR_MS
        parts = [w.rows for w in shopsim.stream(scenario, SEED, until_ms=late_ms)]
        rows = pl.concat(parts).filter(pl.col("occurred_at_ms") < until_ms)
        once = rows.filter(pl.col("fault").ne_missing("duplicated")).sort("occurred_at_ms", "lane", "seq")
        space = once["key"].str.split("-").list.get(1).unique().item()
        intact = pl.when(~pl.col("fault").is_in(CONTENT_FAULTS).fill_null(value=False))
        return once.select(
            "occurred_at_ms",
            "lane",
            "seq",
            pl.col("type").cast(pl.String),
            pl.col("key").str.replace_all(space, "space"),
            intact.then(pl.col("value").cast(pl.String, strict=False).str.replace_all(space, "space")).alias("value"),
        )

    dirtied, clean = plain(dirty), plain(sound(dirty))
    assert dirtied.height > 8_000
    assert dirtied.drop("value").equals(clean.drop("value"))
    same = dirtied.with_columns(clean["value"].alias("clean")).drop_nulls("value")
    assert same.height > 0.8 * dirtied.height
    assert same["value"].equals(same["clean"], check_names=False)


def test_lanes_published_apart_and_merged_give_the_same_rows(dirty, dirty_rows):
    texts = pools(dirty, SEED)

    def first_windows(lanes):
        windows = published_batches(dirty, SEED, lanes, 0, tuple(TOPICS), texts)
        return pl.concat([next(windows).rows for _ in range(6)])

    apart = pl.concat([first_windows(range(number, dirty.lanes, 3)) for number in range(3)]).sort(ORDER)
    assert apart.equals(dirty_rows.drop("pos", "window_no").head(apart.height))


@pytest.mark.parametrize("at", examples([1, 4_321, 9_999], [1, 777, 4_321, 9_999, 15_000]))
def test_a_stream_stopped_anywhere_goes_on_with_the_rest(dirty, dirty_rows, at):
    *_, last = shopsim.stream(dirty, SEED, limit=at)
    rest = shopsim.stream(dirty, SEED, start=last.next, limit=2_000)
    assert pl.concat([w.rows for w in rest]).equals(dirty_rows.drop("pos", "window_no").slice(at, 2_000))


@pytest.mark.parametrize("hours", examples([1, 12, 30], [1, 12, 30, 59.5]))
def test_a_stream_until_a_time_ends_there_and_goes_on_from_there(dirty, dirty_rows, hours):
    until_ms = dirty.start_ms + int(hours * HOUR_MS)
    before = list(shopsim.stream(dirty, SEED, until_ms=until_ms))
    whole = dirty_rows.drop("pos", "window_no")
    assert pl.concat([w.rows for w in before]).equals(whole.filter(pl.col("published_at_ms") < until_ms))
    after = shopsim.stream(dirty, SEED, start=before[-1].next, limit=500)
    following = whole.filter(pl.col("published_at_ms") >= until_ms).head(500)
    assert pl.concat([w.rows for w in after]).equals(following)


def test_some_topics_alone_are_those_of_the_whole(dirty, dirty_rows):
    chosen = dirty_rows.drop("pos", "window_no").filter(pl.col("topic").is_in(["orders", "reviews"]))
    alone = shopsim.stream(dirty, SEED, topics=["reviews", "orders"], limit=chosen.height)
    assert pl.concat([w.rows for w in alone]).equals(chosen)


def test_some_lanes_alone_are_those_of_the_whole(dirty, dirty_rows):
    chosen = dirty_rows.drop("pos", "window_no").filter(pl.col("lane").is_in([1, 5]))
    alone = shopsim.stream(dirty, SEED, lanes=[5, 1], limit=chosen.height, workers=1)
    assert pl.concat([w.rows for w in alone]).equals(chosen)


def test_the_ledger_names_each_fault_with_its_place_in_the_stream(dirty, dirty_rows):
    parts, position = [], 0
    for window in shopsim.stream(dirty, SEED, limit=EVENTS_EACH):
        parts.append(ledger(window.rows, position))
        position += window.rows.height
    found = pl.concat(parts)
    hit = dirty_rows.drop_nulls("fault")
    assert found["position"].to_list() == hit["pos"].to_list()
    for name in ("topic", "type", "fault"):
        assert found[name].to_list() == hit[name].to_list()
    assert found["delay_ms"].equals(hit["published_at_ms"] - hit["occurred_at_ms"], check_names=False)
    ids = hit["value"].cast(pl.String, strict=False).str.extract(r'"event_id":"([^"]+)"')
    assert found["event_id"].to_list() == ids.to_list()
    assert ids.null_count() == 0


def test_rates_of_an_event_type_are_never_more_than_its_events(dirty):
    assert all(sum(stated_rates(dirty.faults, event).values()) <= 1 for event in EVENTS)
