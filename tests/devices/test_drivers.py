from __future__ import annotations

import msgspec
import pytest

from iotcall.devices import Home, command_for, drivers_of
from iotcall.devices.properties import Value


@pytest.mark.parametrize(
    ("name", "property_name", "value", "topic", "payload"),
    [("den light", "state", "on", "zigbee2mqtt/den/a b/set", b'{"state":"ON"}'),
     ("den light", "brightness", 20, "zigbee2mqtt/den/a b/set", b'{"state":"ON","brightness":51}'),
     ("heater", "setpoint", 21.5, "zigbee2mqtt/trv/set", b'{"current_heating_setpoint":21.5}'),
     ("heater", "mode", "heat", "zigbee2mqtt/trv/set", b'{"system_mode":"heat"}'),
     ("front door", "lock", "locked", "zigbee2mqtt/lock/set", b'{"state":"LOCK"}'),
     ("blind", "position", 70, "zigbee2mqtt/blind/set", b'{"position":70}'),
     ("den lamp", "state", "off", "cmnd/lamp/POWER", b"OFF"),
     ("den lamp", "brightness", 20, "cmnd/lamp/Dimmer", b"20"),
     ("left socket", "state", "on", "cmnd/strip/POWER", b"ON"),
     ("right socket", "state", "on", "cmnd/strip/POWER2", b"ON")],
)
def test_a_command_is_said_as_its_ecosystem_says_it(
    small_home: Home, name: str, property_name: str, value: Value, topic: str, payload: bytes
) -> None:
    device = small_home.device(name)
    assert device is not None
    (said,) = drivers_of(small_home)[device.driver].publications(
        command_for(device, property_name, value))
    assert (said.topic, said.payload, said.retain) == (topic, payload, False)


@pytest.mark.parametrize(
    ("name", "topic", "payload", "read"),
    [("den light", "zigbee2mqtt/den/a b", b'{"state":"ON","brightness":127,"linkquality":87}',
      {"state": "on", "brightness": 50}),
     ("heater", "zigbee2mqtt/trv", b'{"current_heating_setpoint":21,"system_mode":"off"}',
      {"setpoint": 21.0, "mode": "off"}),
     ("front door", "zigbee2mqtt/lock", b'{"state":"UNLOCK","lock_state":"not_fully_locked"}',
      {"lock": "unlocked"}),
     ("front door", "zigbee2mqtt/lock", b'{"battery":80}', {}),
     ("blind", "zigbee2mqtt/blind", b'{"position":1e400}', None),
     ("blind", "zigbee2mqtt/blind", b'{"position":300}', {}),
     ("blind", "zigbee2mqtt/blind", b'{"position":true}', {}),
     ("blind", "zigbee2mqtt/blind", b'{"position":null}', {}),
     ("blind", "zigbee2mqtt/blind", b"[1]", None),
     ("blind", "zigbee2mqtt/blind", b"\xff", None),
     ("blind", "zigbee2mqtt/blind", b'{"position":' + b"[" * 9999, None),
     ("den lamp", "stat/lamp/RESULT", b'{"POWER":"ON","Dimmer":20}',
      {"state": "on", "brightness": 20}),
     ("den lamp", "stat/lamp/POWER", b"OFF", {"state": "off"}),
     ("den lamp", "stat/lamp/POWER", b"?", {}),
     ("den lamp", "stat/lamp/RESULT", b'{"Command":"Unknown"}', {}),
     ("left socket", "stat/strip/RESULT", b'{"POWER1":"ON"}', {"state": "on"}),
     ("left socket", "stat/strip/RESULT", b'{"POWER2":"ON"}', {}),
     ("right socket", "tele/strip/STATE", b'{"POWER1":"ON","POWER2":"OFF"}', {"state": "off"})],
)
def test_a_state_is_read_and_a_malformed_one_is_none(
    small_home: Home, name: str, topic: str, payload: bytes, read: dict[str, Value] | None
) -> None:
    device = small_home.device(name)
    assert device is not None
    driver = drivers_of(small_home)[device.driver]
    assert topic in driver.state_topics(device)
    assert driver.read(device, topic, payload) == read


def test_every_command_of_the_demo_home_can_be_said_and_read_back(demo_home: Home) -> None:
    drivers = drivers_of(demo_home)
    for scene in demo_home.scenes:
        for device, name, value in demo_home.steps(scene):
            assert drivers[device.driver].publications(command_for(device, name, value))


def test_percentages_survive_the_way_there_and_back(small_home: Home) -> None:
    light = small_home.device("den light")
    assert light is not None
    driver = drivers_of(small_home)["zigbee2mqtt"]
    for percent in range(1, 101):
        (said,) = driver.publications(command_for(light, "brightness", percent))
        assert driver.read(light, "", said.payload) == {"state": "on", "brightness": percent}


def test_a_query_asks_for_what_the_device_has(small_home: Home) -> None:
    drivers = drivers_of(small_home)
    asked = {device.name: drivers[device.driver].query(device) for device in small_home.devices}
    heater, lamp = asked["heater"], asked["den lamp"]
    assert heater is not None
    assert lamp is not None
    assert heater.topic == "zigbee2mqtt/trv/get"
    assert heater.payload == b'{"current_heating_setpoint":"","system_mode":""}'
    assert (lamp.topic, lamp.payload) == ("cmnd/lamp/State", b"")


def test_a_home_may_use_other_topics(small_home: Home) -> None:
    home = msgspec.structs.replace(
        small_home, topics={"zigbee2mqtt": "z2m", "tasmota": "home/%topic%/%prefix%/"})
    topics = [topic for device in home.devices
              for topic in drivers_of(home)[device.driver].state_topics(device)]
    assert "z2m/den/a b" in topics
    assert "home/lamp/stat/RESULT" in topics
