from __future__ import annotations

import threading
import time

import pytest

from iotcall.devices import Device, DeviceStates, Home, command_for


@pytest.fixture
def states(small_home: Home) -> DeviceStates:
    return DeviceStates(small_home)


@pytest.fixture
def light(small_home: Home) -> Device:
    device = small_home.device("den light")
    assert device is not None
    return device


def test_nothing_is_known_until_something_is_heard(states: DeviceStates, light: Device) -> None:
    assert states.of(light) == {}
    assert states.online(light) is None
    assert not states.matches(command_for(light, "state", "on"))


def test_partial_reports_add_up(states: DeviceStates, light: Device) -> None:
    states.feed("zigbee2mqtt/den/a b", b'{"state":"ON"}')
    states.feed("zigbee2mqtt/den/a b", b'{"brightness":254}')
    assert states.of(light) == {"state": "on", "brightness": 100}


def test_topics_of_others_are_not_taken(states: DeviceStates) -> None:
    assert not states.feed("zigbee2mqtt/someone else", b'{"state":"ON"}')
    assert states.feed("zigbee2mqtt/blind", b"malformed")


def test_one_message_may_speak_for_two_devices(small_home: Home, states: DeviceStates) -> None:
    states.feed("tele/strip/STATE", b'{"POWER1":"ON","POWER2":"OFF"}')
    assert [states.of(device) for device in small_home.of_kind("plug")] == [
        {"state": "on"}, {"state": "off"}]


def test_what_was_said_before_the_mark_acknowledges_nothing(
    states: DeviceStates, light: Device
) -> None:
    told = command_for(light, "state", "on")
    states.feed("zigbee2mqtt/den/a b", b'{"state":"ON"}')
    mark = states.mark()
    assert states.matches(told)
    assert not states.matches(told, since=mark)
    states.feed("zigbee2mqtt/den/a b", b'{"brightness":9}')
    assert not states.matches(told, since=mark)
    states.feed("zigbee2mqtt/den/a b", b'{"state":"ON"}', retained=True)
    assert not states.matches(told, since=mark)
    states.feed("zigbee2mqtt/den/a b", b'{"state":"ON"}')
    assert states.matches(told, since=mark)


def test_a_device_is_offline_when_its_bridge_is(states: DeviceStates, light: Device) -> None:
    states.feed("zigbee2mqtt/den/a b/availability", b'{"state":"online"}')
    assert states.online(light) is True
    states.feed("zigbee2mqtt/bridge/state", b'{"state":"offline"}')
    assert states.online(light) is False
    states.feed("zigbee2mqtt/bridge/state", b"online")
    assert states.online(light) is True


def test_a_tasmota_will_marks_it_offline(small_home: Home, states: DeviceStates) -> None:
    lamp = small_home.device("den lamp")
    assert lamp is not None
    states.feed("tele/lamp/LWT", b"Offline")
    assert states.online(lamp) is False


def test_waiting_ends_when_all_devices_have_said_so(
    small_home: Home, states: DeviceStates, light: Device
) -> None:
    lock = small_home.of_kind("lock")[0]
    commands = command_for(light, "state", "on"), command_for(lock, "lock", "locked")

    def say() -> None:
        states.feed("zigbee2mqtt/den/a b", b'{"state":"ON"}')
        states.feed("zigbee2mqtt/lock", b'{"state":"LOCK"}')

    mark = states.mark()
    speaker = threading.Thread(target=say)
    speaker.start()
    assert states.wait_for(commands, time.monotonic() + 20, since=mark) == (True, True)
    speaker.join()


def test_waiting_says_which_device_stayed_silent(
    small_home: Home, states: DeviceStates, light: Device
) -> None:
    lock = small_home.of_kind("lock")[0]
    mark = states.mark()
    states.feed("zigbee2mqtt/den/a b", b'{"state":"ON"}')
    commands = command_for(light, "state", "on"), command_for(lock, "lock", "locked")
    assert states.wait_for(commands, time.monotonic(), since=mark) == (True, False)
