"""Renames, removals and what is hostile."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.devices import command_for
from iotcall.devices.discovery.zigbee2mqtt import MAX_HIDDEN, ZigbeeDiscovery
from tests.devices.discovery.zigbee_models import (
    LAMP,
    PLUG,
    QUALITY,
    TOPIC,
    device,
    found,
    numeric,
    of,
    only,
    state,
)


def test_a_new_name_keeps_the_id_and_moves_the_topics() -> None:
    discovery = ZigbeeDiscovery("zigbee2mqtt")
    lamp = of("light", state())
    for name in ("0x00158d0000000001", "den/lamp"):
        assert discovery.take(TOPIC, json.dumps([device(LAMP, name, lamp)]).encode())
    (renamed,) = discovery.devices()
    assert (renamed.id, renamed.name) == (f"zigbee2mqtt:{LAMP}", "den/lamp")
    assert renamed.write_topics() == {"zigbee2mqtt/den/lamp/set"}


def test_a_device_that_is_no_longer_listed_is_gone() -> None:
    discovery = ZigbeeDiscovery("zigbee2mqtt")
    lamp, plug = device(LAMP, "lamp", QUALITY), device(PLUG, "p", QUALITY)
    assert discovery.take(TOPIC, json.dumps([plug, lamp]).encode())
    assert [each.name for each in discovery.devices()] == ["lamp", "p"]
    assert not discovery.take(TOPIC, json.dumps([lamp, plug]).encode())
    assert discovery.take(TOPIC, json.dumps([plug]).encode())
    assert [each.name for each in discovery.devices()] == ["p"]
    assert discovery.take(TOPIC, b"")
    assert discovery.devices() == ()


@pytest.mark.parametrize("change", [
    {"disabled": True}, {"interview_completed": False}, {"definition": None},
    {"ieee_address": "0x1"}, {"ieee_address": f"{LAMP}\n"}, {"ieee_address": 7},
    {"friendly_name": "a/#"}, {"friendly_name": "+"}, {"friendly_name": ""},
    {"friendly_name": "bridge/request"}, {"friendly_name": "x" * 300}, {"friendly_name": "a\x00"},
    {"friendly_name": None}, {"definition": {"exposes": "none"}},
])
def test_what_cannot_be_addressed_is_left_out_and_takes_no_other_away(
    change: dict[str, Any]
) -> None:
    lamp, plug = device(LAMP, "lamp", QUALITY), device(PLUG, "p", QUALITY)
    assert [each.name for each in found(lamp | change, plug)] == ["p"]


def test_names_are_cleaned() -> None:
    assert only(QUALITY, name="<|im_start|>lamp {{x}}").name == "lamp x"
    assert only(QUALITY, name="{{").name == LAMP


def test_bounds_hold_for_a_flood() -> None:
    flood = [numeric(f"n{index}", 1, "V") for index in range(2000)]
    assert len(only(*flood).hidden) == MAX_HIDDEN
    many = [device(f"0x{index:016x}", f"d{index}", QUALITY) for index in range(1500)]
    assert len(found(*many)) == 1000


@pytest.mark.parametrize("payload", [
    b"{", b"7", b"null", b'{"a":1}', b"\xff\xfe", b"[" * 100_000, b'[{"a":' * 5_000])
def test_what_is_no_list_changes_nothing(payload: bytes) -> None:
    discovery = ZigbeeDiscovery("zigbee2mqtt")
    discovery.take(TOPIC, json.dumps([device(LAMP, "lamp", QUALITY)]).encode())
    assert not discovery.take(TOPIC, payload)
    assert [each.name for each in discovery.devices()] == ["lamp"]


def test_another_base_is_another_bridge() -> None:
    discovery = ZigbeeDiscovery("home/upstairs")
    assert discovery.subscriptions() == (
        "home/upstairs/bridge/devices", "home/upstairs/bridge/groups")
    assert not discovery.take(TOPIC, json.dumps([device(LAMP, "lamp", QUALITY)]).encode())
    (lamp,) = found(device(LAMP, "lamp", of("light", state())), base="home/upstairs")
    assert lamp.write_topics() == {"home/upstairs/lamp/set"}


_WORDS = st.sampled_from([
    "state", "state_l1", "l1", "brightness", "color_temp", "color", "color_xy", "position", "mired",
    "occupied_heating_setpoint", "system_mode", "numeric", "binary", "enum", "composite", "light",
    "switch", "lock", "cover", "climate", "fan", "°C", "°F", "%", "ON", "OFF", "OPEN", "contact"])
_LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), _WORDS,
    st.sampled_from([0, 1, 7, 254, -1, 1e308, 10**30, -0.0]))
_KEYS = st.sampled_from([
    "type", "name", "property", "endpoint", "access", "unit", "value_min", "value_max", "value_on",
    "value_off", "value_step", "values", "features"])
_EXPOSES = st.recursive(_LEAVES, lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(_KEYS, inner, max_size=8)), max_leaves=20)
_TYPICAL = st.fixed_dictionaries({}, optional={
    "type": _WORDS, "name": _WORDS, "property": _WORDS, "endpoint": _WORDS,
    "access": st.integers(0, 7), "unit": _WORDS, "value_min": st.floats(-1e9, 1e9),
    "value_max": st.floats(-1e9, 1e9), "value_on": _LEAVES, "value_off": _LEAVES,
    "values": st.lists(_WORDS, max_size=3)})
_SPECIFIC = st.builds(lambda kind, features, endpoint: of(kind, *features, endpoint=endpoint),
                      _WORDS, st.lists(_TYPICAL, max_size=4), _WORDS)


@given(st.lists(st.one_of(_EXPOSES, _TYPICAL, _SPECIFIC), max_size=4), st.text(max_size=12))
def test_no_exposes_make_it_raise_and_every_point_can_be_used(
    exposes: list[Any], name: str
) -> None:
    discovery = ZigbeeDiscovery("zigbee2mqtt")
    discovery.take(TOPIC, json.dumps([device(LAMP, name, *exposes)]).encode())
    for one in discovery.devices():
        for key, point in one.points.items():
            assert point.write or point.reads
            if point.write and point.allowed:
                command_for(one, key, point.allowed[0]).publications()
            elif point.write and key != "color":
                low, high = one.limits(key)
                assert low <= high
                command_for(one, key, high).publications()


@given(st.one_of(st.binary(max_size=64), st.recursive(_LEAVES, lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(
        st.sampled_from(["ieee_address", "friendly_name", "definition", "exposes", "disabled"]),
        inner, max_size=5)), max_leaves=20).map(lambda said: json.dumps(said).encode())))
def test_no_payload_makes_it_raise(payload: bytes) -> None:
    discovery = ZigbeeDiscovery("zigbee2mqtt")
    discovery.take(TOPIC, payload)
    assert all(one.source == "zigbee2mqtt" for one in discovery.devices())
