"""The devices of a home's file, as clients that are told messages and answer. Leaves out: MQTT."""

from __future__ import annotations

from collections.abc import Iterable

from iotcall.devices.home import Home
from iotcall.devices.home_file import Entry
from iotcall.devices.points import Publication
from iotcall.devices.simulated.base import Simulated
from iotcall.devices.simulated.tasmota import SimulatedTasmota
from iotcall.devices.simulated.zigbee import SimulatedZigbee
from iotcall.devices.states import DeviceStates


def simulated_devices(home: Home, *, lock_reports: bool = True,
                      unreachable: frozenset[str] = frozenset()) -> list[Simulated]:
    """One for each MQTT client that the home's devices would be."""
    made: list[Simulated] = []
    zigbee = [device for device in home.file.devices if device.driver == "zigbee2mqtt"]
    if zigbee:
        made.append(SimulatedZigbee(zigbee, home.file.topics.get("zigbee2mqtt", "zigbee2mqtt"),
                                    lock_reports=lock_reports, unreachable=unreachable))
    boards: dict[str, list[Entry]] = {}
    for device in home.file.devices:
        if device.driver == "tasmota":
            boards.setdefault(device.address, []).append(device)
    for devices in boards.values():
        made.append(SimulatedTasmota(
            devices, home.file.topics.get("tasmota", "%prefix%/%topic%/"),
            unreachable=any(device.name in unreachable for device in devices)))
    return made


def exchange(devices: Iterable[Simulated], publications: Iterable[Publication],
             states: DeviceStates) -> None:
    """Give the devices the messages, and `states` what they say to them."""
    clients = list(devices)
    for sent in publications:
        for client in clients:
            for said in client.receive(sent.topic, sent.payload):
                states.feed(said.topic, said.payload)
