from __future__ import annotations

import msgspec
import pytest

from iotcall.devices import DeviceStates, Home, assemble, command_for
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
    (said,) = command_for(device, property_name, value).publications()
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
     ("blind", "zigbee2mqtt/blind", b'{"position":1e400}', {}),
     ("blind", "zigbee2mqtt/blind", b'{"position":300}', {}),
     ("blind", "zigbee2mqtt/blind", b'{"position":true}', {}),
     ("blind", "zigbee2mqtt/blind", b'{"position":null}', {}),
     ("blind", "zigbee2mqtt/blind", b"[1]", {}),
     ("blind", "zigbee2mqtt/blind", b"\xff", {}),
     ("blind", "zigbee2mqtt/blind", b'{"position":' + b"[" * 9999, {}),
     ("den lamp", "stat/lamp/RESULT", b'{"POWER":"ON","Dimmer":20}',
      {"state": "on", "brightness": 20}),
     ("den lamp", "stat/lamp/POWER", b"OFF", {"state": "off"}),
     ("den lamp", "stat/lamp/POWER", b"?", {}),
     ("den lamp", "stat/lamp/RESULT", b'{"Command":"Unknown"}', {}),
     ("left socket", "stat/strip/RESULT", b'{"POWER1":"ON"}', {"state": "on"}),
     ("left socket", "stat/strip/RESULT", b'{"POWER2":"ON"}', {}),
     ("right socket", "tele/strip/STATE", b'{"POWER1":"ON","POWER2":"OFF"}', {"state": "off"})],
)
def test_a_state_is_read_and_a_malformed_one_tells_nothing(
    small_home: Home, name: str, topic: str, payload: bytes, read: dict[str, Value]
) -> None:
    device = small_home.device(name)
    assert device is not None
    states = DeviceStates(small_home)
    assert states.feed(topic, payload)
    assert states.of(device) == read


def test_percentages_survive_the_way_there_and_back(small_home: Home) -> None:
    light = small_home.device("den light")
    assert light is not None
    states = DeviceStates(small_home)
    for percent in range(1, 101):
        (said,) = command_for(light, "brightness", percent).publications()
        states.feed("zigbee2mqtt/den/a b", said.payload)
        assert states.of(light) == {"state": "on", "brightness": percent}


def test_a_query_asks_for_what_the_device_has(small_home: Home) -> None:
    asked = {device.name: device.asks for device in small_home.devices}
    (heater,), (lamp,) = asked["heater"], asked["den lamp"]
    assert heater.topic == "zigbee2mqtt/trv/get"
    assert heater.payload == (
        b'{"current_heating_setpoint":"","system_mode":"","local_temperature":""}')
    assert (lamp.topic, lamp.payload) == ("cmnd/lamp/State", b"")


def test_a_home_may_use_other_topics(small_home: Home) -> None:
    home = assemble(msgspec.structs.replace(
        small_home.file, topics={"zigbee2mqtt": "z2m", "tasmota": "home/%topic%/%prefix%/"}))
    topics = DeviceStates(home).topics()
    assert "z2m/den/a b" in topics
    assert "home/lamp/stat/RESULT" in topics


def test_what_the_bridge_could_not_do_is_a_refusal(small_home: Home) -> None:
    light, lock = small_home.device("den light"), small_home.device("front door")
    assert light is not None
    assert lock is not None
    states = DeviceStates(small_home)
    mark = states.mark()
    states.feed("zigbee2mqtt/bridge/logging", (
        b'{"level":"error","message":"z2m: Publish \'set\' \'brightness\' to \'den/a b\' failed: '
        b'\'Error: ZCL command failed (Timeout)\'"}'))
    assert "Timeout" in (states.fault(light, since=mark) or "")
    assert states.fault(lock, since=mark) is None
    assert states.fault(light, since=states.mark()) is None
