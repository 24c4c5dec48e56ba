"""What was begun is not done twice and what is known is not forgotten, whatever kills the hub.

The hub is killed (SIGKILL) from inside at named points of an utterance's way, by the stand-in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.devices.simulated import SimulatedHome
from tests.hub.actors import HubProcess, Satellite

TURN = "iotcall/iotcall-hub/turn"
SET = "zigbee2mqtt/kitchen light/set"
StartHub = Callable[..., HubProcess]
POINTS = ("decoded", "begun", "publishing", "published", "sent", "settled", "answered", "recorded",
          "kept", "handled")
"""In the order in which an utterance passes them."""

pytestmark = pytest.mark.usefixtures("simulated_home")


@pytest.mark.parametrize("mqtt_version", [
    "5", pytest.param("3.1.1", marks=pytest.mark.slow)])
@pytest.mark.parametrize("point", POINTS)
def test_a_command_is_sent_at_most_once_wherever_the_hub_is_killed(
    start_hub: StartHub, satellite: Satellite, tmp_path: Path, point: str, mqtt_version: str
) -> None:
    options = ("--store", str(tmp_path / "hub.db"), "--mqtt-version", mqtt_version)
    hub = start_hub(*options, "--killed-at", point)
    satellite.say("kitchen lights on")
    assert hub.wait() == -9
    start_hub(*options)
    satellite.say("bedroom lights on")
    turns = satellite.wait(TURN, 2)
    if turns[-1]["utterance"] != "bedroom lights on":  # the first was told before and after
        turns = satellite.wait(TURN, 3)
    assert (turns[-1]["utterance"], turns[-1]["outcome"]) == ("bedroom lights on", "done")
    sent = satellite.heard(SET)
    if point == "decoded":  # nothing was noted: the broker's second delivery is the first try
        assert sent == [{"state": "ON"}]
    else:
        assert len(sent) <= 1
    about = [turn for turn in turns if turn["utterance"] == "kitchen lights on"]
    assert about or satellite.heard("hermes/tts/say")


def test_a_light_that_did_what_a_killed_hub_told_it_is_confirmed(
    start_hub: StartHub, satellite: Satellite, simulated_home: SimulatedHome, tmp_path: Path
) -> None:
    options = ("--store", str(tmp_path / "hub.db"))
    hub = start_hub(*options, "--killed-at", "published")
    satellite.say("kitchen lights on")
    assert hub.wait() == -9
    hub = start_hub(*options)
    hub.wait_logged("command.reconciled")
    (turn,) = satellite.wait(TURN, 1)
    assert (turn["outcome"], turn["reply"]) == ("done", "That was done already.")
    assert satellite.heard(SET) == [{"state": "ON"}]


def test_what_nobody_can_know_is_unconfirmed(
    start_hub: StartHub, satellite: Satellite, tmp_path: Path
) -> None:
    options = ("--store", str(tmp_path / "hub.db"), "--acknowledge-seconds", "0.3")
    hub = start_hub(*options, "--killed-at", "begun")
    satellite.say("kitchen lights on")
    assert hub.wait() == -9
    start_hub(*options)
    (turn,) = satellite.wait(TURN, 1)
    assert turn["outcome"] == "unconfirmed"
    assert "I cannot tell" in turn["reply"]
    assert satellite.heard(SET) == []


def test_a_dialogue_goes_on_after_a_restart(
    start_hub: StartHub, satellite: Satellite, tmp_path: Path
) -> None:
    options = ("--store", str(tmp_path / "hub.db"))
    hub = start_hub(*options)
    satellite.say("kitchen lights on", site="kitchen")
    satellite.wait(TURN, 1)
    hub.terminate()
    assert hub.wait() == 0
    start_hub(*options)
    satellite.say("and bedroom", site="kitchen")
    turn = satellite.wait(TURN, 2)[-1]
    assert turn["outcome"] == "done"
    assert turn["calls"] == [{"name": "toggle_lights",
                              "arguments": {"room": "bedroom", "state": "on"}}]


def test_an_open_question_is_answered_after_a_restart(
    start_hub: StartHub, satellite: Satellite, tmp_path: Path
) -> None:
    options = ("--store", str(tmp_path / "hub.db"))
    hub = start_hub(*options)
    satellite.say("unlock front")
    assert satellite.wait(TURN, 1)[0]["outcome"] == "question"
    hub.terminate()
    assert hub.wait() == 0
    start_hub(*options)
    # a yes from before the hub was up answers nothing, so it must be seen to be up
    satellite.say("status lights", site="office")
    satellite.wait(TURN, 2)
    satellite.say("yes")
    turn = satellite.wait(TURN, 3)[-1]
    assert (turn["outcome"], turn["reply"]) == ("done", "The front door is unlocked.")


def test_timers_and_lists_outlive_the_hub_and_timers_ring(
    start_hub: StartHub, satellite: Satellite, tmp_path: Path
) -> None:
    options = ("--store", str(tmp_path / "hub.db"), "--grammar", "home")
    hub = start_hub(*options)
    satellite.say("list|action=add|items=milk and eggs")
    satellite.say("timer|action=start|duration=two seconds|name=egg", site="kitchen")
    added, started = satellite.wait(TURN, 2)
    assert added["reply"] == "I put milk and eggs on the shopping list."
    assert started["reply"] == "The egg timer is set for 2 seconds."
    hub.terminate()
    assert hub.wait() == 0
    start_hub(*options)
    satellite.say("list|action=read")
    assert satellite.wait(TURN, 3)[-1]["reply"] == "On the shopping list: milk and eggs."
    satellite.wait_for("hermes/tts/say", {"text": "The egg timer is over.", "siteId": "kitchen"})
