"""No utterance is lost and none is done twice, whatever ends: hub, connection or broker."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from iotcall.devices.simulated import SimulatedHome
from tests.hub.actors import Gates, HubProcess, Mosquitto, Proxy, Satellite

STATUS = "iotcall/iotcall-hub/status"
TURN = "iotcall/iotcall-hub/turn"
KITCHEN_SET = "zigbee2mqtt/kitchen light/set"
VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])
StartHub = Callable[..., HubProcess]

pytestmark = pytest.mark.usefixtures("simulated_home")


def utterances(satellite: Satellite, count: int) -> list[str]:
    return [turn["utterance"] for turn in satellite.wait(TURN, count)]


@VERSIONS
def test_sigterm_finishes_the_utterance_in_hand_and_leaves_the_rest_for_the_next_start(
    start_hub: StartHub, satellite: Satellite, gates: Gates, version: str
) -> None:
    hub = start_hub("--mqtt-version", version)
    satellite.say("hold a kitchen lights on")
    gates.wait_reached("a")
    satellite.say("bedroom lights on")
    satellite.say("hallway lights on")
    hub.terminate()
    hub.wait_logged("hub.stopping")
    gates.open("a")
    assert hub.wait() == 0
    satellite.wait_for(STATUS, {"state": "offline"})
    assert utterances(satellite, 1) == ["hold a kitchen lights on"]
    assert satellite.heard("hermes/tts/say")[0]["text"] == "The kitchen light is on."
    satellite.say("bathroom lights on")
    start_hub("--mqtt-version", version)
    assert utterances(satellite, 4)[1:] == [
        "bedroom lights on", "hallway lights on", "bathroom lights on"]
    assert len(satellite.heard(KITCHEN_SET)) == 1


def test_sigterm_while_nothing_is_in_hand_says_offline_and_exits_with_0(
    start_hub: StartHub, satellite: Satellite
) -> None:
    hub = start_hub()
    hub.terminate()
    assert hub.wait() == 0
    satellite.wait_for(STATUS, {"state": "offline"})


@VERSIONS
def test_an_utterance_in_hand_of_a_killed_hub_is_done_by_the_next(
    start_hub: StartHub, satellite: Satellite, gates: Gates, version: str
) -> None:
    hub = start_hub("--mqtt-version", version)
    satellite.say("bathroom lights on")
    satellite.wait(TURN)
    satellite.say("hold a kitchen lights on")
    satellite.say("bedroom lights on")
    gates.wait_reached("a")
    hub.kill()
    satellite.wait_for(STATUS, {"state": "offline"})  # the broker says so: its will
    gates.open("a")
    start_hub("--mqtt-version", version)
    assert utterances(satellite, 3)[1:] == ["hold a kitchen lights on", "bedroom lights on"]
    assert len(satellite.heard(KITCHEN_SET)) == 1


@VERSIONS
def test_an_utterance_in_hand_is_done_once_when_the_connection_is_cut(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, gates: Gates, version: str
) -> None:
    with closing(Proxy(mosquitto.port)) as proxy:
        hub = start_hub("--mqtt-version", version, broker_url=proxy.url)
        satellite.say("hold a kitchen lights on")
        gates.wait_reached("a")
        satellite.say("bedroom lights on")
        proxy.cut()
        satellite.wait(STATUS, 3)  # online, the will, online again
        hub.wait_logged("voice.redelivered")
        gates.open("a")
        assert utterances(satellite, 2) == ["hold a kitchen lights on", "bedroom lights on"]
        hub.terminate()
        assert hub.wait() == 0
    assert len(satellite.heard(KITCHEN_SET)) == 1
    start_hub("--mqtt-version", version)
    satellite.say("hallway lights on")
    assert utterances(satellite, 3)[2:] == ["hallway lights on"]


@VERSIONS
def test_an_utterance_in_hand_is_done_once_when_the_broker_restarts(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, gates: Gates, version: str
) -> None:
    hub = start_hub("--mqtt-version", version)
    satellite.say("hold a kitchen lights on")
    gates.wait_reached("a")
    satellite.say("bedroom lights on")
    mosquitto.stop()
    hub.wait_logged("broker.lost")
    gates.open("a")
    mosquitto.start()
    satellite.wait_ready()
    assert utterances(satellite, 2) == ["hold a kitchen lights on", "bedroom lights on"]
    hub.wait_logged("voice.redelivered")
    hub.terminate()
    assert hub.wait() == 0
    start_hub("--mqtt-version", version)
    satellite.say("hallway lights on")
    assert utterances(satellite, 3)[2:] == ["hallway lights on"]
    assert len(satellite.heard("zigbee2mqtt/bedroom light/set")) == 1


def test_a_hub_that_is_told_to_end_while_the_broker_is_away_leaves_its_utterance_there(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, gates: Gates
) -> None:
    hub = start_hub()
    satellite.say("hold a kitchen lights on")
    gates.wait_reached("a")
    mosquitto.stop()
    hub.wait_logged("broker.lost")
    hub.terminate()
    hub.wait_logged("hub.stopping")
    gates.open("a")
    assert hub.wait() == 0
    mosquitto.start()
    satellite.wait_ready()
    start_hub()
    assert utterances(satellite, 1) == ["hold a kitchen lights on"]


def test_an_utterance_of_a_broker_that_forgot_everything_is_still_done(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, gates: Gates
) -> None:
    hub = start_hub()
    satellite.say("hold a kitchen lights on")
    gates.wait_reached("a")
    satellite.say("bedroom lights on")
    mosquitto.kill_and_forget()
    hub.wait_logged("broker.lost")
    mosquitto.start()
    satellite.wait_ready()
    gates.open("a")
    assert utterances(satellite, 2) == ["hold a kitchen lights on", "bedroom lights on"]
    satellite.say("hallway lights on")
    satellite.say("bathroom lights on")
    assert utterances(satellite, 4)[2:] == ["hallway lights on", "bathroom lights on"]


@VERSIONS
def test_one_utterance_too_many_is_told_that_the_hub_is_busy_and_does_not_come_again(
    start_hub: StartHub, satellite: Satellite, gates: Gates, version: str
) -> None:
    hub = start_hub("--queue", "2", "--mqtt-version", version)
    satellite.say("hold a kitchen lights on")
    gates.wait_reached("a")
    for room in ("bedroom", "hallway"):
        satellite.say(f"{room} lights on")
    satellite.say("bathroom lights on", session="s1")
    [busy] = satellite.wait(TURN)
    assert (busy["outcome"], busy["utterance"]) == ("busy", "bathroom lights on")
    [told] = satellite.heard("hermes/nlu/intentNotRecognized")
    assert told["customData"] == {"reason": "busy", "text": busy["reply"]}
    assert satellite.heard("hermes/dialogueManager/endSession")[0]["text"] == busy["reply"]
    gates.open("a")
    assert utterances(satellite, 4)[1:] == [
        "hold a kitchen lights on", "bedroom lights on", "hallway lights on"]
    hub.terminate()
    assert hub.wait() == 0
    start_hub("--mqtt-version", version)
    satellite.say("kitchen lights off")
    assert utterances(satellite, 5)[4:] == ["kitchen lights off"]


def test_every_utterance_that_waited_for_a_hub_is_done_or_told_that_it_is_busy(
    start_hub: StartHub, satellite: Satellite, gates: Gates
) -> None:
    hub = start_hub("--queue", "2")
    hub.terminate()
    assert hub.wait() == 0
    satellite.say("hold a kitchen lights on")
    for number in range(15):
        satellite.say(f"thermostat {60 + number}")
    start_hub("--queue", "2")
    gates.wait_reached("a")
    gates.open("a")
    turns = satellite.wait(TURN, 16)
    assert sorted(turn["utterance"] for turn in turns) == sorted(
        ["hold a kitchen lights on", *(f"thermostat {60 + number}" for number in range(15))])
    assert {turn["outcome"] for turn in turns} == {"done", "busy"}


def test_a_hub_on_a_broker_without_mqtt_5_works_and_logs_what_is_lost(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto
) -> None:
    with closing(Proxy(mosquitto.port, refuses_mqtt_5=True)) as proxy:
        hub = start_hub(broker_url=proxy.url)
        satellite.say("kitchen lights on")
        assert utterances(satellite, 1) == ["kitchen lights on"]
        assert "event=broker.mqtt_3_1_1 lost=" in hub.log.read_text()


def test_messages_of_quality_0_are_handled_too(start_hub: StartHub, satellite: Satellite) -> None:
    start_hub()
    satellite.publish("hermes/asr/textCaptured", {"text": "kitchen lights on"}, qos=0)
    assert utterances(satellite, 1) == ["kitchen lights on"]


def test_a_command_that_cannot_be_given_in_time_is_never_given_and_the_user_is_told(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, gates: Gates
) -> None:
    hub = start_hub("--command-seconds", "0.2", "--acknowledge-seconds", "0.2")
    satellite.say("hold a kitchen lights on")
    gates.wait_reached("a")
    mosquitto.stop()
    hub.wait_logged("broker.lost")
    gates.open("a")
    hub.wait_logged("command.undelivered")
    mosquitto.start()
    satellite.wait_ready()
    [turn] = satellite.wait(TURN)
    assert turn["outcome"] == "unconfirmed"
    assert satellite.heard("hermes/tts/say")[0]["text"] == turn["reply"]
    assert satellite.heard(KITCHEN_SET) == []


def test_an_utterance_expires_while_the_broker_is_away(
    start_hub: StartHub, satellite: Satellite, mosquitto: Mosquitto, gates: Gates
) -> None:
    hub = start_hub("--session-expiry-seconds", "1")
    satellite.say("hold a kitchen lights on")
    gates.wait_reached("a")
    satellite.say("bedroom lights on")
    mosquitto.stop()
    gates.open("a")
    hub.wait_logged("utterance.expired")
    mosquitto.start()
    satellite.wait_ready()
    satellite.wait_for(STATUS, {"state": "online"})
    satellite.say("hallway lights on")
    assert utterances(satellite, 1) == ["hallway lights on"]


def test_a_hub_without_a_broker_ends_with_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    hub = HubProcess(tmp_path, "mqtt://127.0.0.1:9")
    hub.start()
    assert hub.wait() == 1
    assert "cannot reach the MQTT broker at mqtt://127.0.0.1:9" in hub.log.read_text()
    assert "Traceback" not in hub.log.read_text()


def test_a_hub_that_the_broker_tells_of_a_take_over_gives_way_and_says_so(
    start_hub: StartHub, mosquitto: Mosquitto
) -> None:
    with closing(Proxy(mosquitto.port)) as proxy:
        hub = start_hub(broker_url=proxy.url)
        hub.wait_logged("hub.started")
        proxy.tell(b"\xe0\x02\x8e\x00")  # MQTT 5 DISCONNECT: session taken over
        assert hub.wait() == 3  # the unit does not start it again then
    logged = hub.log.read_text()
    assert 'reason="Session taken over"' in logged
    assert "Unspecified error" not in logged
    assert "client id 'iotcall-hub'" in logged
    assert "--client-id" in logged
    assert "Traceback" not in logged


@VERSIONS
def test_hubs_that_a_broker_throws_out_without_a_word_name_the_client_id(
    start_hub: StartHub, version: str
) -> None:
    start_hub("--mqtt-version", version)
    second = start_hub("--mqtt-version", version)
    second.wait_logged("--client-id")


def test_state_is_asked_for_and_known_after_the_start(
    start_hub: StartHub, satellite: Satellite, simulated_home: SimulatedHome
) -> None:
    hub = start_hub()
    satellite.wait("zigbee2mqtt/kitchen light/get")
    satellite.say("status thermostat")
    [turn] = satellite.wait(TURN)
    assert turn["outcome"] == "answer"
    assert hub.running()
