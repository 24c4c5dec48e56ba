"""The same thing over two ways is done once; the same thing twice over one way is done twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from iotcall.devices import Home, command_for
from iotcall.dialogue.recent import MOST, Arrival, Recent, given, said


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def arrival(path: str = "hermes/captured", text: str = "Lights on.", **more: Any) -> Arrival:
    return Arrival(**{"site_id": "kitchen", "path": path, "what": said(text), **more})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recent(clock: Clock) -> Recent:
    return Recent(clock=clock)


@pytest.mark.parametrize(("first", "second"), [
    (arrival(session_id="1"), arrival("hermes/query", session_id="1", correlation_id="q")),
    (arrival("hermes/query", session_id="1", correlation_id="q"), arrival(session_id="1")),
    (arrival(session_id="1"), arrival("hermes/query")),
    (arrival(session_id="1"), arrival("wyoming", "lights on", session_id="another's own")),
    (arrival("wyoming", correlation_id="7"), arrival(correlation_id="8")),
    (arrival("hermes/query", correlation_id="q"), arrival("hermes/query", correlation_id="q")),
])
def test_another_way_or_the_same_id_is_a_repetition(
    recent: Recent, first: Arrival, second: Arrival
) -> None:
    assert not recent.is_repeated(first)
    assert recent.is_repeated(second)
    assert recent.is_repeated(second)


@pytest.mark.parametrize(("first", "second"), [
    (arrival(session_id="1"), arrival(session_id="1")),
    (arrival(session_id="1"), arrival("hermes/query", session_id="2")),
    (arrival("hermes/query", correlation_id="q"), arrival("hermes/query", correlation_id="r")),
    (arrival("hermes/query", correlation_id="q"), arrival("hermes/other", correlation_id="r")),
    (arrival(), arrival("hermes/query", site_id="hall")),
    (arrival(), arrival("hermes/query", "Lights off.")),
])
def test_what_a_person_may_have_said_twice_is_no_repetition(
    recent: Recent, first: Arrival, second: Arrival
) -> None:
    assert not recent.is_repeated(first)
    assert not recent.is_repeated(second)


def test_after_a_moment_it_is_meant_anew_and_repetitions_do_not_prolong_it(
    recent: Recent, clock: Clock
) -> None:
    assert not recent.is_repeated(arrival())
    clock.now = 1.5
    assert recent.is_repeated(arrival("wyoming"))
    clock.now = 2.0
    assert not recent.is_repeated(arrival("wyoming"))


def test_a_flood_is_bounded_and_only_forgets(recent: Recent) -> None:
    for number in range(3 * MOST):
        assert not recent.is_repeated(arrival(text=f"light {number}"))
    assert len(recent) == MOST
    assert recent.is_repeated(arrival("wyoming", f"light {3 * MOST - 1}"))
    assert not recent.is_repeated(arrival("wyoming", "light 0"))


def test_plans_are_compared_by_their_commands_in_any_order(home: Home) -> None:
    lamp, door = home.device("kitchen light"), home.device("front door")
    assert lamp is not None
    assert door is not None
    on, lock = command_for(lamp, "state", "on"), command_for(door, "lock", "locked")
    assert given((on, lock)) == given((lock, on))
    assert given((on,)) != given((command_for(lamp, "state", "off"),))
