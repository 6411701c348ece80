"""The circuit breaker: refuses after three failures, lets one call through after the pause, closes after a success."""

from __future__ import annotations

from shoplake.api.breaker import FAILURES_TO_OPEN, FIRST_PAUSE_S, LONGEST_PAUSE_S, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> CircuitBreaker:
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES_TO_OPEN):
        assert breaker.refusal_s() is None
        breaker.failed()
    return breaker


def test_it_stays_closed_while_failures_are_not_in_a_row() -> None:
    breaker = CircuitBreaker(Clock())
    for _ in range(10):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.refusal_s() is None


def test_an_open_one_says_when_to_ask_again() -> None:
    assert opened(Clock()).refusal_s() == FIRST_PAUSE_S


def test_after_the_pause_one_call_goes_through_and_the_others_do_not() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST_PAUSE_S
    assert breaker.refusal_s() is None
    assert breaker.refusal_s() is not None
    breaker.succeeded()
    assert breaker.refusal_s() is None


def test_a_cancelled_trial_lets_the_next_call_try() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += FIRST_PAUSE_S
    assert breaker.refusal_s() is None
    breaker.abandoned()
    assert breaker.refusal_s() is None


def test_the_pause_grows_up_to_a_limit() -> None:
    clock = Clock()
    breaker = opened(clock)
    pauses = [breaker.failed() for _ in range(30)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S
