"""What the tests of discoveries share: a home of what was found, and its states."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from iotcall.devices import Device, DeviceStates, Home, assemble
from iotcall.devices.command import command_for
from iotcall.devices.discovery import Discovery
from iotcall.devices.home_file import Discovery as Believed
from iotcall.devices.home_file import HomeFile
from iotcall.devices.points import Publication
from iotcall.devices.properties import Value

MADE_UP = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner,
                                                                max_size=5), max_leaves=12)
"""Whatever JSON can say."""


def said(value: Any) -> bytes:
    return json.dumps(value).encode()


def by_address(discovery: Discovery) -> dict[str, Device]:
    return {device.address: device for device in discovery.devices()}


def home_of(discovery: Discovery) -> Home:
    file = HomeFile(name="found", discovery=Believed(sources=(discovery.source,)))
    return assemble(file, discovery.devices())


def heard(discovery: Discovery, *messages: tuple[str, Any]) -> dict[str, dict[str, Value]]:
    """Address -> state after the messages (texts, bytes, or objects that are sent as JSON)."""
    states = DeviceStates(home_of(discovery))
    for topic, payload in messages:
        assert states.feed(topic, payload.encode() if isinstance(payload, str)
                           else payload if isinstance(payload, bytes) else said(payload)), topic
    return {device.address: state for device in discovery.devices()
            if (state := states.of(device))}


def told(device: Device, name: str, value: Value) -> list[tuple[str, str]]:
    """(topic, payload) of a command."""
    publications = command_for(device, name, value).publications()
    assert not any(each.retain for each in publications)
    return [_pair(each) for each in publications]


def asked(device: Device) -> list[tuple[str, str]]:
    return [_pair(each) for each in device.asks]


def altered(value: Any, data: st.DataObject) -> Any:
    """The announcement with one of its values, at any depth, replaced by something made up."""
    if isinstance(value, dict) and value and data.draw(st.integers(0, 3)):
        key = data.draw(st.sampled_from(sorted(value)))
        return {**value, key: altered(value[key], data)}
    if isinstance(value, list) and value and data.draw(st.integers(0, 3)):
        place = data.draw(st.integers(0, len(value) - 1))
        return [*value[:place], altered(value[place], data), *value[place + 1:]]
    return data.draw(MADE_UP)


def use(discovery: Discovery) -> None:
    """Whatever was made of a hostile announcement can be used: topics, home, commands."""
    for device in home_of(discovery).devices:
        assert 0 < len(device.name) <= 80
        assert device.name.isprintable()
        assert not any(set("+#") & set(topic) for topic in device.topics())
        for name, point in device.points.items():
            assert point.reads or point.write
            low, high = device.limits(name)
            assert low <= high


def _pair(publication: Publication) -> tuple[str, str]:
    return publication.topic, publication.payload.decode()
