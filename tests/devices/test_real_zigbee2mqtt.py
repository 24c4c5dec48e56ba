"""What stands in for zigbee2mqtt elsewhere is written by us; here is the real one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iotcall.devices import Device, DeviceStates, Unable, command_for
from iotcall.devices.device import Source
from iotcall.devices.discovery import Registry
from iotcall.devices.home_file import Discovery, HomeFile
from iotcall.devices.home_groups import told_topics
from iotcall.devices.properties import Value
from tests.devices.real_zigbee2mqtt import (
    COVER,
    DEVICES,
    LAMP,
    LOCK,
    PLUG,
    SENSOR,
    THERMOSTAT,
    Modelled,
    installed,
    zigbee2mqtt,
)

pytestmark = pytest.mark.slow

_SECONDS = 20
"""How long an answer may take on a busy machine."""


class Hub:
    """What a hub makes of the bridge's messages."""

    def __init__(self, listen: Callable[..., Any], *sources: Source) -> None:
        self.registry = Registry(HomeFile(name="real", discovery=Discovery(sources=sources)))
        self.states = DeviceStates(self.registry.home)
        self.listener = listen("zigbee2mqtt/#", "homeassistant/#", feed=self._hear)

    def device(self, modelled: Modelled) -> Device:
        found = self.registry.home.device(modelled.name)
        assert found is not None
        return found

    def tell(self, device: Device, name: str, value: Value) -> bool:
        """Whether the device acknowledges the command."""
        command = command_for(device, name, value)
        mark = self.states.mark()
        for each in command.publications():
            self.listener.publish(each.topic, each.payload)
        return self.states.wait_for((command,), time.monotonic() + _SECONDS, since=mark)[0]

    def ask(self, device: Device) -> None:
        for each in device.asks:
            self.listener.publish(each.topic, each.payload)

    def _hear(self, topic: str, payload: bytes, *, retained: bool) -> None:
        if self.registry.take(topic, payload) and self.registry.renew():
            self.states.follow(self.registry.home)
        self.states.feed(topic, payload, retained=retained)


@pytest.fixture(scope="module")
def packages() -> Path:
    return installed()


@pytest.fixture
def bridge(packages: Path, broker: int, tmp_path: Path) -> Iterator[None]:
    with zigbee2mqtt(packages, broker, tmp_path / "zigbee2mqtt"):
        yield


@pytest.fixture
def hub(bridge: None, listen: Callable[..., Any]) -> Hub:
    hub = Hub(listen, "zigbee2mqtt")
    hub.listener.until(lambda: len(hub.registry.home.devices) == len(DEVICES))
    return hub


def test_the_devices_are_found_with_what_they_can(hub: Hub) -> None:
    assert {device.name: (device.kind, sorted(device.points))
            for device in hub.registry.home.devices} == {
        LAMP.name: ("light", ["brightness", "color", "state", "white"]),
        PLUG.name: ("plug", ["energy", "power", "state"]),
        LOCK.name: ("lock", ["battery", "lock"]),
        COVER.name: ("cover", ["battery", "movement", "position"]),
        THERMOSTAT.name: ("thermostat", ["battery", "mode", "setpoint", "temperature"]),
        SENSOR.name: ("sensor", ["battery", "humidity", "temperature"]),
    }
    lamp, thermostat = hub.device(LAMP), hub.device(THERMOSTAT)
    assert lamp.id == f"zigbee2mqtt:{LAMP.address}"
    assert lamp.limits("white") == (2203, 4000)
    assert thermostat.limits("setpoint") == (0, 30)
    assert thermostat.points["mode"].allowed == ("off", "auto")
    assert hub.device(PLUG).label == "outlet"


def test_the_devices_are_there_and_gone_when_the_bridge_says_so(
    hub: Hub, listen: Callable[..., Any]
) -> None:
    listener = listen(*hub.states.topics(), feed=hub.states.feed)
    devices = [hub.device(each) for each in DEVICES]
    listener.until(lambda: all(hub.states.online(each) for each in devices))
    listener.publish("zigbee2mqtt/bridge/request/restart", "")  # its last word is offline
    listener.until(lambda: any(hub.states.online(each) is False for each in devices))


def test_what_is_told_is_done_and_comes_back(hub: Hub) -> None:
    told: list[tuple[Modelled, str, Value]] = [
        (LAMP, "state", "on"), (LAMP, "brightness", 50), (LAMP, "white", 3000),
        (LAMP, "brightness", 1), (LAMP, "brightness", 0), (PLUG, "state", "on"),
        (COVER, "position", 30), (COVER, "movement", "close"), (COVER, "movement", "open"),
        (THERMOSTAT, "setpoint", 21.5), (THERMOSTAT, "mode", "off"),
    ]
    failed = [each for each in told if not hub.tell(hub.device(each[0]), each[1], each[2])]
    assert failed == []
    assert hub.states.of(hub.device(LAMP))["state"] == "off"


def test_every_colour_comes_back_as_x_and_y(hub: Hub) -> None:
    lamp = hub.device(LAMP)
    colors = ("#ff0000", "#ff8800", "#ffff00", "#00ff00", "#00ffff", "#0000ff", "#8800ff",
              "#ff00ff", "#ff8080", "#ffffff")
    assert [color for color in colors if not hub.tell(lamp, "color", color)] == []


def test_what_is_asked_for_is_said(hub: Hub) -> None:
    expected: list[tuple[Modelled, dict[str, Value]]] = [
        (SENSOR, {"temperature": 12.34, "humidity": 57, "battery": 100}),
        (PLUG, {"state": "off", "power": 42, "energy": 12.5}),
        (THERMOSTAT, {"setpoint": 19, "temperature": 19.5, "mode": "auto"}),
        (LAMP, {"state": "off", "brightness": 100, "white": 2703}),
        (COVER, {"position": 100}),
    ]
    for modelled, state in expected:
        device = hub.device(modelled)
        hub.ask(device)
        hub.listener.until(lambda device=device, state=state: (
            state.items() <= hub.states.of(device).items()))


def test_a_lock_that_publishes_nothing_is_acknowledged_only_when_it_is_asked(hub: Hub) -> None:
    lock, plug = hub.device(LOCK), hub.device(PLUG)
    command = command_for(lock, "lock", "locked")
    mark = hub.states.mark()
    for each in command.publications():
        hub.listener.publish(each.topic, each.payload)
    assert hub.tell(plug, "state", "on")  # the bridge is done with what came before
    assert hub.states.wait_for((command,), time.monotonic() + 1, since=mark) == (False,)
    hub.ask(lock)
    assert hub.states.wait_for((command,), time.monotonic() + _SECONDS, since=mark) == (True,)


def test_what_is_out_of_range_cannot_be_made(hub: Hub) -> None:
    for modelled, name, value in ((LAMP, "brightness", 999), (LAMP, "white", 6500),
                                  (THERMOSTAT, "setpoint", 31), (THERMOSTAT, "mode", "cool")):
        with pytest.raises(Unable):
            command_for(hub.device(modelled), name, value)


@pytest.mark.parametrize(("modelled", "topic", "payload"), [
    (LAMP, "set", {"brightness": 999}), (LAMP, "set", {"state": "BRIGHT"}),
    (THERMOSTAT, "set/occupied_heating_setpoint", 45), (PLUG, "set", {"brightness": 3})],
    ids=["brightness", "state", "setpoint", "no converter"])
def test_the_impossible_is_a_fault_of_that_device_alone(
    hub: Hub, modelled: Modelled, topic: str, payload: Any
) -> None:
    mark = hub.states.mark()
    hub.listener.publish(f"zigbee2mqtt/{modelled.name}/{topic}", json.dumps(payload))
    hub.listener.until(lambda: hub.states.fault(hub.device(modelled), since=mark) is not None)
    assert [each.name for each in DEVICES
            if hub.states.fault(hub.device(each), since=mark)] == [modelled.name]


def test_a_renamed_device_keeps_its_id_and_is_told_by_its_new_name(hub: Hub) -> None:
    before = hub.device(PLUG)
    hub.listener.publish("zigbee2mqtt/bridge/request/device/rename",
                         json.dumps({"from": PLUG.name, "to": "hall/socket"}))
    hub.listener.until(lambda: hub.registry.home.device("hall/socket") is not None)
    after = hub.registry.home.device("hall socket")
    assert after is not None
    assert after.id == before.id
    assert hub.tell(after, "state", "on")


def test_a_removed_device_is_gone(hub: Hub) -> None:
    hub.listener.publish("zigbee2mqtt/bridge/request/device/remove",
                         json.dumps({"id": PLUG.name, "force": True}))
    hub.listener.until(lambda: hub.registry.home.device(PLUG.name) is None)
    assert len(hub.registry.home.devices) == len(DEVICES) - 1


def test_a_group_is_told_as_one_and_says_what_its_members_say(
    packages: Path, broker: int, tmp_path: Path, listen: Callable[..., Any]
) -> None:
    groups = {"downstairs": (LAMP, PLUG), "blinds": (COVER,), "odd": (LAMP, LOCK), "empty": ()}
    with zigbee2mqtt(packages, broker, tmp_path / "zigbee2mqtt", groups):
        hub = Hub(listen, "zigbee2mqtt", "homeassistant")
        hub.listener.until(lambda: sum(bool(each.members) for each in hub.registry.home.devices
                                       if each.source == "zigbee2mqtt") == 3)
        home = hub.registry.home
        downstairs, blinds, odd = (found for name in ("downstairs", "blinds", "odd")
                                   if (found := home.device(name)))
        assert [each.name for each in downstairs.members] == [LAMP.name, PLUG.name]
        assert sorted(downstairs.points) == ["state"]
        assert sorted(blinds.points) == ["movement", "position"]
        assert odd.points == {}
        hub.listener.until(lambda: hub.states.online(downstairs))
        assert hub.tell(downstairs, "state", "on")
        assert hub.tell(blinds, "position", 30)
        assert hub.tell(hub.device(PLUG), "state", "off")
        assert hub.tell(hub.device(LAMP), "state", "off")
        hub.listener.until(lambda: hub.states.of(downstairs) == {"state": "off"})
        # what it tells Home Assistant of the groups is hidden: they are described already
        hub.listener.until(lambda: all(any(
            topic in told_topics(each) for each in hub.registry.home.hidden)
            for topic in (group.group_topic for group in (downstairs, blinds, odd))))
        assert [each.name for each in hub.registry.home.devices if each.members] == [
            "blinds", "downstairs", "odd"]


def test_home_assistants_discovery_describes_the_same_devices(
    bridge: None, listen: Callable[..., Any]
) -> None:
    hub = Hub(listen, "zigbee2mqtt", "homeassistant")
    described = (LAMP, PLUG, LOCK, COVER, THERMOSTAT)

    def hidden() -> list[frozenset[str]]:
        return [device.write_topics() for device in hub.registry.home.hidden]

    # its sensors are hidden too, and come first
    hub.listener.until(lambda: all(any(topics & hub.device(each).write_topics()
                                       for topics in hidden()) for each in described))
    for modelled in described:
        device = hub.device(modelled)
        assert device.source == "zigbee2mqtt"
        assert any(topics & device.write_topics() for topics in hidden())
