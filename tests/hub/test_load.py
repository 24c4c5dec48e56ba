"""A flood of utterances: each is answered or told that the hub is busy, and nothing grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.hub.actors import Gates, HubProcess, Mosquitto, Satellite, wait_until
from tests.hub.strain import Asker, Cable, memory_kib, paced

TURN = "iotcall/iotcall-hub/turn"
PER_SECOND = 200
WARM = 2 * PER_SECOND  # utterances after which nothing more is imported or set up
GROWTH_KIB = 8 * 1024
"""What the hub's memory may grow by after that."""
BUSY = {"busy", "I am still busy. Please say that again in a moment."}
StartHub = Callable[..., HubProcess]

pytestmark = pytest.mark.usefixtures("simulated_home")


@pytest.fixture
def asker(mosquitto: Mosquitto) -> Iterator[Asker]:
    client = Asker(mosquitto.port)
    yield client
    client.close()


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_two_hundred_utterances_a_second_are_each_answered_or_told_busy(
    hub: HubProcess, satellite: Satellite, asker: Asker, seconds: int
) -> None:
    early = 0
    for number in paced(seconds * PER_SECOND, PER_SECOND):
        ask = asker.ask if number % 2 else asker.query
        ask(str(number), f"kitchen lights {'on' if number % 4 < 2 else 'off'}")
        if number == WARM:
            early = memory_kib(hub)
    asked = {str(number) for number in range(seconds * PER_SECOND)}
    answers = asker.wait_answered(asked, seconds=60)
    late = memory_kib(hub)
    counts = Counter("busy" if told[0] in BUSY else "done" for told in answers.values())
    print(f"{len(asked)} asked, {counts}, {early} -> {late} KiB")
    assert {len(told) for told in answers.values()} == {1}, "answered more than once"
    assert counts["busy"] > 0
    assert counts["done"] > 0
    assert late - early < GROWTH_KIB
    satellite.say("bedroom lights on", session="afterwards")
    assert asker.wait_answered({"afterwards"}) == {"afterwards": ["The bedroom light is on."]}


def test_all_but_those_that_wait_are_told_busy_while_one_takes_its_time(
    hub: HubProcess, gates: Gates, asker: Asker
) -> None:
    asker.ask("held", "hold a kitchen lights on")
    gates.wait_reached("a")
    waiting = [f"waits {number}" for number in range(8)]
    refused = [f"refused {number}" for number in range(100)]
    for each in (*waiting, *refused):
        asker.ask(each, "bedroom lights on")
    assert set(asker.wait_answered(refused)) == set(refused)
    assert asker.answered() == len(refused)
    gates.open("a")
    assert asker.wait_answered(["held", *waiting]) == {
        each: ["done"] for each in ("held", *waiting)}


def test_answers_that_a_slow_network_does_not_take_go_out_when_it_does(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, gates: Gates, asker: Asker
) -> None:
    with closing(Cable(mosquitto.port)) as cable:
        hub = start_hub(broker_url=cable.url)
        asker.ask("held", "hold a kitchen lights on")
        gates.wait_reached("a")
        cable.unplug("up")
        asked = [str(number) for number in range(240)]
        for each in asked:
            asker.query(each, "bedroom lights on")
        wait_until(lambda: hub.log.read_text().count("voice.busy") == 232, "the hub to hear all")
        gates.open("a")
        cable.plug_in()
        answers = asker.wait_answered(["held", *asked])
        assert {len(told) for told in answers.values()} == {1}
        asker.ask("afterwards", "hallway lights on")
        assert asker.wait_answered(["afterwards"]) == {"afterwards": ["done"]}
