"""The simulated home on a real mosquitto, spoken to as one speaks to the real things."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec
import pytest

from iotcall.devices import DeviceStates, Home, assemble, command_for
from iotcall.devices.device import Source
from iotcall.devices.simulated import SimulatedHome
from iotcall.devices.simulated.base import hardware_address
from iotcall.errors import BrokerError

Z2M = "zigbee2mqtt"


@pytest.fixture
def simulated(small_home: Home, broker: int) -> Iterator[SimulatedHome]:
    with SimulatedHome(small_home, port=broker) as running:
        yield running


@pytest.mark.parametrize(
    ("topic", "payload", "state_topic", "pieces"),
    [
        ("den/a b/set", '{"state":"ON","brightness":51}', "den/a b",
         ['"state":"ON"', '"brightness":51']),
        ("den/a b/set", "ON", "den/a b", ['"state":"ON"']),
        ("den/a b/set/state", "ON", "den/a b", ['"state":"ON"']),
        ("den/a b/set/brightness", "12", "den/a b", ['"state":"ON"', '"brightness":12']),
        ("den/a b/set", '{"state":"toggle"}', "den/a b", ['"state":"ON"']),
        ("trv/set", '{"system_mode":"auto","current_heating_setpoint":21.5}', "trv",
         ['"system_mode":"auto"', '"current_heating_setpoint":21.5']),
        ("trv/get", '{"local_temperature":""}', "trv", ['"local_temperature":19.5']),
        ("blind/set", '{"position":30}', "blind", ['"position":30', '"state":"OPEN"']),
        ("blind/set", '{"state":"CLOSE"}', "bridge/devices", ["position"]),
        ("lock/get", '{"state":""}', "lock", ['"state":"UNLOCK"', '"lock_state":"unlocked"']),
    ],
)
def test_zigbee2mqtt_answers_with_the_state(
    simulated: SimulatedHome, listen: Callable[..., Any],
    topic: str, payload: str, state_topic: str, pieces: list[str],
) -> None:
    listener = listen(f"{Z2M}/#")
    listener.publish(f"{Z2M}/{topic}", payload)
    listener.wait_for(f"{Z2M}/{state_topic}", *pieces)


@pytest.mark.parametrize(
    ("topic", "payload", "says"),
    [
        ("cellar/set", '{"state":"ON"}', "Entity 'cellar' is unknown"),
        ("den/a b/set", '{"brightness":999}',
         "Publish 'set' 'brightness' to 'den/a b' failed: 'Error: Brightness value of message"),
        ("den/a b/set", '{"colour":1}', "No converter available for 'colour' on 'den/a b': (1)"),
        ("den/a b/set", "[1", "Invalid message"),
        ("trv/set", '{"current_heating_setpoint":"warm"}', "current_heating_setpoint is not"),
        ("lock/set", '{"state":"SHUT"}', "not in: [LOCK, UNLOCK, TOGGLE]"),
        ("lock/get", '{"battery":""}', "No converter available for 'battery'"),
    ],
)
def test_zigbee2mqtt_says_errors_on_the_log_and_nowhere_else(
    simulated: SimulatedHome, listen: Callable[..., Any], topic: str, payload: str, says: str
) -> None:
    listener = listen(f"{Z2M}/#")
    before = simulated.states()
    listener.publish(f"{Z2M}/{topic}", payload)
    line = json.loads(listener.wait_for(f"{Z2M}/bridge/logging", says))
    assert (line["level"], line["message"][:5]) == ("error", "z2m: ")
    assert simulated.states() == before
    assert not listener.on(f"{Z2M}/{topic.rpartition('/')[0]}")


def test_a_lock_says_its_state_only_when_read(
    simulated: SimulatedHome, listen: Callable[..., Any]
) -> None:
    listener = listen(f"{Z2M}/#")
    listener.publish(f"{Z2M}/lock/set", '{"state":"LOCK"}')
    # The bridge handles messages in order: when the light has answered, the lock would have.
    listener.publish(f"{Z2M}/den/a b/set", "ON")
    listener.wait_for(f"{Z2M}/den/a b", "ON")
    assert listener.on(f"{Z2M}/lock") == []
    assert simulated.states()["front door"] == {"lock": "locked"}
    listener.publish(f"{Z2M}/lock/get", '{"state":""}')
    listener.wait_for(f"{Z2M}/lock", '"state":"LOCK"')


def test_a_lock_may_report_by_itself(
    small_home: Home, broker: int, listen: Callable[..., Any]
) -> None:
    with SimulatedHome(small_home, port=broker, lock_reports=True):
        listener = listen(f"{Z2M}/lock")
        listener.publish(f"{Z2M}/lock/set", "lock")
        listener.wait_for(f"{Z2M}/lock", '"lock_state":"locked"')


def test_births_are_retained_and_states_of_zigbee_devices_are_not(
    simulated: SimulatedHome, listen: Callable[..., Any]
) -> None:
    early = listen("#")
    early.publish(f"{Z2M}/den/a b/set", "ON")
    early.wait_for(f"{Z2M}/den/a b", "ON")
    late = listen("#")
    late.wait_for(f"{Z2M}/bridge/state", '{"state":"online"}')
    late.wait_for(f"{Z2M}/den/a b/availability", '{"state":"online"}')
    late.wait_for("tele/lamp/LWT", "Online")
    entries = json.loads(late.wait_for(f"{Z2M}/bridge/devices"))
    assert late.on(f"{Z2M}/den/a b") == []
    (lock,) = [entry for entry in entries if entry["friendly_name"] == "lock"]
    state = lock["definition"]["exposes"][0]["features"][0]
    assert (state["value_on"], state["value_off"], state["access"]) == ("LOCK", "UNLOCK", 7)


def test_it_goes_offline_when_it_stops(
    small_home: Home, broker: int, listen: Callable[..., Any]
) -> None:
    with SimulatedHome(small_home, port=broker):
        pass
    late = listen("#")
    late.wait_for(f"{Z2M}/bridge/state", '{"state":"offline"}')
    late.wait_for("tele/lamp/LWT", "Offline")


def test_tasmota_answers_as_tasmota(
    simulated: SimulatedHome, listen: Callable[..., Any]
) -> None:
    listener = listen("stat/#", "tele/#", "tasmota/#")
    listener.publish("cmnd/lamp/power", "on")
    listener.wait_for("stat/lamp/RESULT", '{"POWER":"ON"}')
    listener.wait_for("stat/lamp/POWER", "ON")
    listener.publish("cmnd/lamp/Dimmer", "20")
    listener.wait_for("stat/lamp/RESULT", '{"POWER":"ON","Dimmer":20}')
    listener.publish("cmnd/lamp/State", "")
    listener.wait_for("stat/lamp/RESULT", '"Uptime"', '"Dimmer":20')
    listener.publish("cmnd/strip/POWER2", "ON")
    listener.wait_for("stat/strip/RESULT", '{"POWER2":"ON"}')
    listener.publish("cmnd/strip/POWER", "")
    listener.wait_for("stat/strip/POWER1", "OFF")
    listener.publish("cmnd/lamp/Brew", "1")
    listener.wait_for("stat/lamp/RESULT", '"Command":"Unknown"')


def test_tasmota_is_discovered(
    simulated: SimulatedHome, listen: Callable[..., Any]
) -> None:
    mac = hardware_address("tasmota lamp", 12).upper()
    config = json.loads(listen("#").wait_for(f"tasmota/discovery/{mac}/config"))
    assert (config["t"], config["ft"], config["mac"]) == ("lamp", "%prefix%/%topic%/", mac)
    assert config["fn"][0] == "den lamp"


def test_retained_commands_switch_nothing(
    small_home: Home, broker: int, listen: Callable[..., Any]
) -> None:
    ghost = listen("#")
    ghost.publish(f"{Z2M}/den/a b/set", "ON", retain=True)
    ghost.publish("cmnd/lamp/POWER", "ON", retain=True)
    with SimulatedHome(small_home, port=broker) as simulated:
        ghost.publish(f"{Z2M}/blind/get", '{"position":""}')
        ghost.wait_for(f"{Z2M}/blind", "position")
        ghost.publish("cmnd/lamp/State", "")
        ghost.wait_for("stat/lamp/RESULT", "Uptime")
        assert simulated.states()["den light"]["state"] == "off"
        assert simulated.states()["den lamp"]["state"] == "off"


def test_an_unreachable_device_takes_no_command(
    small_home: Home, broker: int, listen: Callable[..., Any]
) -> None:
    with SimulatedHome(small_home, port=broker, unreachable={"den light", "den lamp"}) as simulated:
        listener = listen("#")
        listener.publish(f"{Z2M}/den/a b/set", "ON")
        listener.wait_for(f"{Z2M}/bridge/logging", "Timeout")
        listener.wait_for(f"{Z2M}/den/a b/availability", "offline")
        listener.wait_for("tele/lamp/LWT", "Offline")
        assert simulated.states()["den light"]["state"] == "off"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("other_topics", [False, True])
def test_every_scene_of_the_demo_home_is_acknowledged(
    demo_home: Home, broker: int, listen: Callable[..., Any],
    version: Literal["5", "3.1.1"], other_topics: bool,
) -> None:
    topics: dict[Source, str] = {"zigbee2mqtt": "z/2m", "tasmota": "%topic%/%prefix%/"}
    home = assemble(msgspec.structs.replace(demo_home.file, topics=topics if other_topics else {}))
    states = DeviceStates(home)
    with SimulatedHome(home, port=broker, mqtt_version=version) as simulated:
        listener = listen(*states.topics(), feed=states.feed)
        for scene in sorted(home.scenes):
            told = [command_for(*step) for step in home.steps(scene)]
            last = list({(each.device.name, each.property): each for each in told}.values())
            mark = states.mark()
            for each in last:
                for said in each.publications():
                    listener.publish(said.topic, said.payload)
                if each.device.kind == "lock":
                    for asked in each.device.asks:
                        listener.publish(asked.topic, asked.payload)
            done = states.wait_for([each for each in last if each.value != "off"],
                                   time.monotonic() + 10, since=mark)
            assert all(done), (scene, last, done)
        real = simulated.states()
        for device in home.devices:
            if device.kind in ("thermostat", "lock"):
                for asked in device.asks:
                    listener.publish(asked.topic, asked.payload)
        listener.until(lambda: all(
            states.of(device).get(name, value) == value
            for device in home.devices for name, value in real[device.name].items()))
        assert all(states.online(device) for device in home.devices)


def test_no_broker_is_an_error_with_a_way_out(small_home: Home) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(BrokerError, match="start one or give another address"):
            SimulatedHome(small_home, port=port).start()
