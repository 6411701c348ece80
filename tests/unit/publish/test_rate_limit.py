"""Records are released when they are due, no faster than allowed, all of them, in order; by a clock of the test's."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shoplake.errors import UsageError
from shoplake.publish.rate_limit import LONGEST_NAP_S, TICK_S, Pace, paced, parse_rate, parse_speed
from shopsim import EncodedWindow, Position

NOW_S = 1_000_000.0
NOW_MS = int(NOW_S * 1000)


class Clock:
    """Time goes by only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = NOW_S
        self.naps: list[float] = []

    def now_s(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.naps.append(seconds)
        self.now += seconds


def windows(times_ms: list[int], size: int = 7) -> list[EncodedWindow]:
    """Records published at these times, `size` in a window, the first window begun after its third record."""
    parts = [times_ms[at : at + size] for at in range(0, len(times_ms), size)]
    return [
        EncodedWindow(index, 3 if index == 0 else 0, pl.DataFrame({"published_at_ms": part}), Position(index + 1, 0))
        for index, part in enumerate(parts)
    ]


async def released(times_ms: list[int], pace: Pace) -> tuple[list[tuple[float, int]], list[EncodedWindow], Clock]:
    """(when it was released, its time) of each record; the parts; the clock."""
    clock, when, parts = Clock(), [], []
    async for part in paced(windows(times_ms), pace, clock):
        when += [(clock.now, published) for published in part.rows["published_at_ms"]]
        parts.append(part)
    return when, parts, clock


def at(*seconds: float) -> list[int]:
    return [NOW_MS + round(s * 1000) for s in seconds]


async def test_without_a_rate_limit_windows_pass_unchanged() -> None:
    _, parts, clock = await released(at(1, 2, 3, 4, 5, 6, 7, 8), Pace())
    assert [part.rows.height for part in parts] == [7, 1]
    assert clock.naps == []


async def test_live_publishes_past_events_at_once_and_others_within_half_a_second() -> None:
    when, _, _ = await released(at(-9000, -60, -1, 0, 5, 5.2, 90, 4000), Pace(live=True))
    assert [round(then - NOW_S) for then, _ in when[:4]] == [0, 0, 0, 0]
    delays = [then - published / 1000 for then, published in when[4:]]
    assert all(-1e-6 <= delay <= TICK_S + 1e-6 for delay in delays), delays


async def test_at_sixty_times_the_speed_an_hour_takes_a_minute() -> None:
    when, _, _ = await released(at(-3600, -1800, 0), Pace(speed=60))
    assert [round(then - NOW_S) for then, _ in when] == [0, 30, 60]


async def test_live_with_a_speed_publishes_past_events_at_once_and_future_ones_faster() -> None:
    when, _, _ = await released(at(-86_400, -60, 3600, 3600 + 1800), Pace(live=True, speed=60))
    # The first one to come sets the clock going.
    assert [then - NOW_S for then, _ in when] == pytest.approx([0, 0, TICK_S, TICK_S + 30])


async def test_catching_up_is_not_slowed_down_by_the_number_of_windows() -> None:
    _, parts, clock = await released(at(*[-1] * 100), Pace(live=True))
    assert len(parts) == 15
    assert clock.now == NOW_S


async def test_the_rate_per_second_is_a_maximum() -> None:
    when, parts, _ = await released(at(*[-1] * 100), Pace(per_s=20))
    assert max(part.rows.height for part in parts) <= 20 * TICK_S
    assert when[-1][0] - NOW_S == pytest.approx(100 / 20, abs=1)


async def test_a_rate_below_one_a_second_is_kept() -> None:
    when, _, _ = await released(at(-1, -1, -1), Pace(per_s=0.1))
    assert [round(then - NOW_S) for then, _ in when] == [0, 10, 20]


async def test_long_waits_are_split_into_short_sleeps() -> None:
    _, _, clock = await released(at(3600), Pace(live=True))
    assert max(clock.naps) <= LONGEST_NAP_S


async def test_a_clock_set_forward_is_detected() -> None:
    clock = Clock()
    parts = paced(windows(at(0, 3600)), Pace(live=True), clock)
    await anext(parts)
    clock.now += 7200
    await anext(parts)
    assert clock.now < NOW_S + 7201


@given(
    seconds=st.lists(st.integers(-5_000, 5_000), max_size=40),
    live=st.booleans(),
    speed=st.sampled_from([None, 0.5, 1, 100]),
    rate=st.sampled_from([None, 3, 1000]),
)
async def test_all_records_are_released_in_order_with_the_next_position(seconds, live, speed, rate) -> None:
    times = at(*sorted(seconds))
    when, parts, _ = await released(times, Pace(live, speed, rate))
    assert [published for _, published in when] == times
    following = Position(0, 3)
    for part in parts:
        assert Position(part.index, part.skip) == following
        following = part.next if part.next.skip else Position(part.index + 1, 0)
    assert [part.next for part in parts[-1:]] == [window.next for window in windows(times)[-1:]]


@pytest.mark.parametrize(
    ("text", "rate"), [("2000/s", 2000), ("90/min", 1.5), ("1800/h", 0.5), ("7", 7), ("0.5/s", 0.5), ("max", None)]
)
def test_a_rate_is_parsed(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0", "-1/s", "fast", "2000/day", "1e9"])
def test_an_invalid_rate_is_refused(text):
    with pytest.raises(UsageError, match=r"--rate: expected a rate such as 2000/s.*found"):
        parse_rate(text)


@pytest.mark.parametrize(("text", "speed"), [("60x", 60), ("0.5x", 0.5), ("3", 3)])
def test_a_speed_is_parsed(text, speed):
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["", "0x", "x", "-2x", "fast", "1000001x"])
def test_an_invalid_speed_is_refused(text):
    with pytest.raises(UsageError, match=r"--speed: expected a speed such as 60x, found"):
        parse_speed(text)
