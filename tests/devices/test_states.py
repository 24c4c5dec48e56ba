from __future__ import annotations

import threading
import time

import msgspec
import pytest

from iotcall.devices import Device, DeviceStates, Home, command_for
from iotcall.devices.device import Availability


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


@pytest.fixture
def latest(small_home: Home) -> tuple[DeviceStates, Device]:
    """A device of two topics, of which the latest message counts."""
    gadget = Device(name="gadget", room="", kind="plug", source="homeassistant", address="g",
                    availability=tuple(Availability(topic=each) for each in "ab"),
                    availability_mode="latest")
    return DeviceStates(msgspec.structs.replace(small_home, devices=(gadget,))), gadget


@pytest.mark.parametrize(("said", "online"), [
    ("", None), ("a+", True), ("a+ b-", False), ("a- b+", True), ("b- a+ a-", False),
    # retained ones come in any order: of two that differ nobody knows the later
    ("a+r", True), ("a+r b+r", True), ("a+r b-r", None), ("b-r a+r", None), ("a+r b-r b+", True),
    # a subscription that is renewed brings them again: what was known is no news
    ("a+r b-r b+ a+r b+r", True), ("a+ b- a+r b-r", False), ("b- a+ a+r b-r", True),
    # what changed while nobody listened is later than all that was heard
    ("a+ b+ a+r b-r", False), ("b- a- b+r a-r", True), ("a+ b- b+r a-r", None),
])
def test_the_latest_word_on_any_topic_counts(
    latest: tuple[DeviceStates, Device], said: str, online: bool | None
) -> None:
    states, gadget = latest
    for word in said.split():
        states.feed(word[0], b"online" if word[1] == "+" else b"offline",
                    retained=word.endswith("r"))
    assert states.online(gadget) is online


def test_what_spoke_last_is_forgotten_with_the_device(
    small_home: Home, latest: tuple[DeviceStates, Device]
) -> None:
    states, gadget = latest
    states.feed("a", b"offline")
    states.follow(small_home)
    states.follow(msgspec.structs.replace(small_home, devices=(gadget,)))
    assert states.online(gadget) is None


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
