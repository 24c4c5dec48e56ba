from __future__ import annotations

import pytest

from iotcall.hub.fallback import Breaker, BreakerSettings


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(BreakerSettings(failures=2, seconds=10), clock=clock)


def fails(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        assert breaker.begin()
        breaker.end(False)


def test_it_opens_after_so_many_failures_in_a_row(breaker: Breaker) -> None:
    fails(breaker, 1)
    assert breaker.begin()
    breaker.end(True)
    fails(breaker, 1)
    assert breaker.state == "closed"
    fails(breaker, 1)
    assert breaker.state == "open"
    assert not breaker.begin()


def test_after_a_while_one_question_tries_it_and_closes_it(breaker: Breaker, clock: Clock) -> None:
    fails(breaker, 2)
    clock.now += 10
    assert breaker.state == "half_open"
    assert breaker.begin()
    assert not breaker.begin()
    breaker.end(True)
    assert breaker.state == "closed"
    fails(breaker, 1)
    assert breaker.state == "closed"


def test_a_failed_trial_opens_it_again_for_as_long(breaker: Breaker, clock: Clock) -> None:
    fails(breaker, 2)
    clock.now += 10
    fails(breaker, 1)
    clock.now += 9
    assert breaker.state == "open"
    clock.now += 1
    assert breaker.state == "half_open"


def test_what_says_nothing_of_the_service_changes_nothing(breaker: Breaker, clock: Clock) -> None:
    fails(breaker, 1)
    assert breaker.begin()
    breaker.end(None)
    fails(breaker, 1)
    assert breaker.state == "open"
    clock.now += 10
    assert breaker.begin()
    breaker.end(None)
    assert breaker.state == "half_open"
    assert breaker.begin()
