"""When things happen: clocks, holidays, seasons, campaigns, growth, and the windows that follow from them."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pytest

import shopsim
from shopsim.calendar.holidays import easter, holidays
from shopsim.calendar.scenario_calendar import ScenarioCalendar, locales_of
from shopsim.calendar.time_zones import ZONES, UtcOffsets
from shopsim.calendar.traffic import DAY_MS, HOUR_MS, PPM
from shopsim.core.rng import Purpose, RandomStream
from shopsim.engine.window_plan import EVENTS_PER_WINDOW, WindowPlan
from shopsim.shop.campaign_attribution import CampaignAttribution


def ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "utc", "hours"),
    [
        ("Europe/Berlin", "2026-03-29T00:59:59Z", 1),
        ("Europe/Berlin", "2026-03-29T01:00:00Z", 2),
        ("Europe/London", "2026-10-25T00:59:59Z", 1),
        ("Europe/London", "2026-10-25T01:00:00Z", 0),
        ("America/New_York", "2026-03-08T06:59:59Z", -5),
        ("America/New_York", "2026-03-08T07:00:00Z", -4),
        ("America/New_York", "2026-11-01T06:00:00Z", -5),
        ("Asia/Tokyo", "2026-07-01T00:00:00Z", 9),
    ],
)
def test_clocks_change_when_the_law_says(zone, utc, hours):
    clocks = UtcOffsets(["Asia/Tokyo", zone])  # so that the zone looked for is not the only one
    assert clocks.offset_ms(np.array([1]), np.array([ms(utc)])) == [hours * HOUR_MS]


@pytest.mark.parametrize("zone", ZONES)
def test_clocks_agree_with_the_time_zone_database_of_this_machine_where_it_has_one(zone):
    zoneinfo = pytest.importorskip("zoneinfo")
    try:
        known = zoneinfo.ZoneInfo(zone)
    except zoneinfo.ZoneInfoNotFoundError:
        pytest.skip("no time zone database")
    at = ms("2010-01-01T00:00Z") + np.arange(0, 20 * 365) * 25 * HOUR_MS
    expected = [dt.datetime.fromtimestamp(t / 1000, known).utcoffset().total_seconds() * 1000 for t in at.tolist()]
    assert UtcOffsets([zone]).offset_ms(np.zeros(len(at), dtype=np.int64), at).tolist() == expected


@pytest.mark.parametrize(("year", "day"), [(1990, "04-15"), (2000, "04-23"), (2025, "04-20"), (2038, "04-25")])
def test_easter_is_when_the_church_celebrates_it(year, day):
    assert f"{easter(year):%m-%d}" == day


@pytest.mark.parametrize(
    ("country", "day"),
    [
        ("DE", "2026-10-03"),
        ("FR", "2026-05-14"),  # Ascension
        ("GB", "2026-08-31"),  # the last Monday of August
        ("US", "2026-11-26"),  # Thanksgiving
        ("SE", "2026-06-20"),  # Midsummer
        ("JP", "2026-05-04"),
        ("PL", "2026-06-04"),  # Corpus Christi
        ("NL", "2026-04-27"),
        ("IT", "2026-06-02"),
        ("ES", "2026-10-12"),
    ],
)
def test_the_holidays_of_a_country_are_in_the_calendar(country, day):
    assert dt.date.fromisoformat(day) in holidays(country, 2026)


def test_people_are_busiest_in_their_own_evening(changed):
    scenario = changed(customers={"locales": {"de_DE": 1, "en_US": 1, "ja_JP": 1}}, currencies={"USD": 1.1, "JPY": 160})
    period = ScenarioCalendar(scenario).period(1)
    start = np.datetime64(period.start_ms, "ms").astype(object).hour
    busiest = {
        locale.name: (start + int(row.reshape(-1, 24).sum(axis=0).argmax())) % 24
        for locale, row in zip(locales_of(scenario), period.traffic, strict=True)
    }
    assert busiest == {"de_DE": 20 - 2, "en_US": (20 + 4) % 24, "ja_JP": 20 - 9}  # in September


def test_a_holiday_changes_the_traffic_of_its_country_alone(changed):
    options = {"window_hours": 24, "start": "2026-10-01", "campaigns": [], "flash_sales": []}
    options |= {"customers": {"locales": {"de_DE": 1, "fr_FR": 1}}}
    # Window 2 is the day of German unity, from two o'clock in the morning there.
    plain = ScenarioCalendar(changed(**options, holidays={"traffic": 1.0})).period(2).traffic[:, :22]
    festive = ScenarioCalendar(changed(**options, holidays={"traffic": 0.5})).period(2).traffic[:, :22]
    assert (festive[0] == plain[0] // 2).all()
    assert (festive[1] == plain[1]).all()


def test_a_campaign_lifts_its_days_by_the_clocks_of_each_visitor(changed):
    campaign = {"name": "c", "first": "2026-09-10", "last": "2026-09-10", "lift": 3}
    options = {"window_hours": 96, "customers": {"locales": {"de_DE": 1, "ja_JP": 1}}, "currencies": {"JPY": 160}}
    options |= {"flash_sales": [], "campaigns": []}
    plain = ScenarioCalendar(changed(**options)).period(2)
    lifted = ScenarioCalendar(changed(**options | {"campaigns": [campaign]})).period(2)
    hours = lifted.traffic // np.maximum(plain.traffic, 1)
    starts = [int(row.argmax()) * HOUR_MS + lifted.start_ms for row in hours]
    assert starts == [ms("2026-09-09T22:00Z"), ms("2026-09-09T15:00Z")]
    assert (hours == 3).sum(axis=1).tolist() == [24, 24]


def test_a_campaign_is_named_by_the_sessions_that_it_added(changed):
    scenario = changed(
        campaigns=[{"name": "big", "first": "2026-09-01", "last": "2026-09-01", "lift": 4}], flash_sales=[]
    )
    calendar = ScenarioCalendar(scenario)
    attribution = CampaignAttribution(scenario, calendar)
    start = np.full(20_000, ms("2026-09-01T12:00Z"))
    draws = RandomStream(7, 0, 0, Purpose.SESSIONS)
    args = (np.zeros(20_000, dtype=np.int64), start, np.full(20_000, -1))
    assert (attribution.campaign(calendar.period(0), draws, *args) >= 0).mean() == pytest.approx(3 / 4, abs=0.02)


def test_visits_grow_by_the_year(changed):
    scenario = changed(trend={"visits_per_year": 1.0, "signups_per_year": -0.5}, window_hours=24)
    first, later = ScenarioCalendar(scenario).period(0), ScenarioCalendar(scenario).period(365)
    assert later.visit_growth / first.visit_growth == pytest.approx(2, rel=0.01)
    assert later.signup_growth / first.signup_growth == pytest.approx(0.5, rel=0.01)


def test_no_parcel_arrives_on_a_sunday_or_a_holiday_but_at_the_same_hour_of_the_next_open_day(changed):
    scenario = changed(start="2026-12-01", customers={"locales": {"de_DE": 1}}, campaigns=[], flash_sales=[])
    delivered = ScenarioCalendar(scenario).delivery_time
    # Christmas, the day after it and the Sunday after that.
    wanted = [ms("2026-12-24T09:30Z"), ms("2026-12-25T09:30Z"), ms("2026-12-27T22:59Z"), ms("2026-12-27T23:01Z")]
    expected = [ms("2026-12-24T09:30Z"), ms("2026-12-28T09:30Z"), ms("2026-12-28T22:59Z"), ms("2026-12-27T23:01Z")]
    assert delivered(np.zeros(4, dtype=np.int64), np.array(wanted)).tolist() == expected


def test_a_parcel_keeps_its_hour_when_the_clocks_change_meanwhile(changed):
    scenario = changed(start="2026-03-01", customers={"locales": {"de_DE": 1}}, campaigns=[], flash_sales=[])
    # Sunday, before summer time begins, to Monday, after it has.
    delivered = ScenarioCalendar(scenario).delivery_time(np.array([0]), np.array([ms("2026-03-29T00:30Z")]))
    assert delivered.tolist() == [ms("2026-03-29T23:30Z")]


def test_parcels_arrive_on_any_day_where_the_scenario_says_so(changed):
    scenario = changed(fulfilment={"sunday_deliveries": True}, holidays={"deliveries": True})
    days = scenario.start_ms + np.arange(400) * DAY_MS
    assert (ScenarioCalendar(scenario).delivery_time(np.zeros(400, dtype=np.int64), days) == days).all()


def test_an_empty_window_has_no_visits_and_still_a_time_for_what_must_happen(changed):
    nights = [1 if hour >= 12 else 0 for hour in range(24)]
    scenario = changed(window_hours=6, seasons={"hours": nights}, customers={"locales": {"en_GB": 1}})
    period = ScenarioCalendar(scenario).period(4)
    assert period.visits.tolist() == [0]
    times = period.traffic_times(RandomStream(1, 0, 0, Purpose.CUSTOMERS), np.zeros(100, dtype=np.int64))
    assert ((times >= period.start_ms) & (times < period.end_ms)).all()


def test_traffic_is_asked_for_in_average_hours(demo):
    week = np.concatenate([ScenarioCalendar(demo).period(window).traffic for window in range(10, 17)], axis=1)
    assert week.mean() / PPM == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", shopsim.scenarios())
def test_windows_follow_each_other_without_a_gap(name):
    plan = WindowPlan(shopsim.load_scenario(name))
    starts = [plan.starts_ms(window) for window in range(60)]
    assert starts == sorted(set(starts))
    for number in range(3):
        windows = plan.period_windows(number)
        assert (windows.starts_ms[0], windows.ends_ms[-1]) == (windows.period.start_ms, windows.period.end_ms)
        assert plan.period_windows(number + 1).first == windows.first + len(windows.starts_ms)
    assert [plan.window_at(at) for at in starts] == list(range(60))
    assert [plan.window_at(at - 1) for at in starts[1:]] == list(range(59))


def test_a_busy_span_is_cut_into_windows_of_about_a_hundred_thousand_events(changed):
    busy = changed(customers={"initial": 40_000, "signups_per_day": 10}, catalogue={"products": 50}, window_hours=24)
    sizes = [len(window) for window in itertools.islice(shopsim.simulate(busy, 7), 6)]
    assert WindowPlan(busy).period_windows(0).first + len(WindowPlan(busy).period_windows(0).starts_ms) > 1
    assert max(sizes) < 1.7 * EVENTS_PER_WINDOW
    # The first window is shorter: most of it are registrations, whose text is as long as that of three other events.
    assert min(sizes[1:]) > 0.5 * EVENTS_PER_WINDOW > sizes[0] > 0.3 * EVENTS_PER_WINDOW
