"""Groups of zigbee2mqtt: what they can be told, and what is hostile."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotcall.devices import Device, DeviceStates, Home, Unable, command_for
from iotcall.devices.discovery.base import MAX_DEVICES
from iotcall.devices.discovery.zigbee2mqtt import ZigbeeDiscovery
from iotcall.devices.home_file import HomeFile
from tests.devices.discovery.announcing import altered, use
from tests.devices.discovery.zigbee_models import (
    COLOR_HS,
    COLOR_TEMP,
    COLOR_XY,
    COLORED,
    DESK,
    DIMMER,
    GROUPS,
    LAMP,
    LOCK,
    PLUG,
    STRIP,
    TOPIC,
    announced,
    device,
    enum,
    feature,
    group,
    numeric,
    of,
    sent,
    state,
)


def grouped(*exposes: Any) -> Device:
    """The group of devices that expose these."""
    addresses = [f"0x{index:016x}" for index in range(len(exposes))]
    (one,) = [each for each in announced(
        [device(at, f"thing {at}", *each) for at, each in zip(addresses, exposes, strict=True)],
        group(*addresses)).devices() if each.address == "group/5"]
    return one


def test_a_group_is_told_once_what_all_of_its_members_can() -> None:
    lamps = grouped([DIMMER], [COLORED])
    assert (lamps.name, lamps.kind, lamps.room, lamps.id) == (
        "downstairs", "light", "", "zigbee2mqtt:group/5")
    assert [each.address for each in lamps.members] == [f"0x{index:016x}" for index in range(2)]
    assert sorted(lamps.points) == ["brightness", "state"]
    assert sent(lamps, "state", "off") == [("zigbee2mqtt/downstairs/set", {"state": "OFF"})]
    assert sent(lamps, "brightness", 50) == [
        ("zigbee2mqtt/downstairs/set", {"state": "ON", "brightness": 127})]


def test_a_group_says_its_state_on_a_topic_of_its_own_and_is_asked_by_its_members() -> None:
    lamps = grouped([DIMMER], [DIMMER])
    states = DeviceStates(Home(name="", rooms={}, devices=(lamps,), file=HomeFile(name="")))
    assert states.feed("zigbee2mqtt/downstairs", b'{"state":"ON","brightness":254}')
    assert states.of(lamps) == {"state": "on", "brightness": 100}
    states.feed("zigbee2mqtt/downstairs/availability", b'{"state":"offline"}')
    assert states.online(lamps) is False
    assert [each.topic for each in lamps.asks] == [
        f"zigbee2mqtt/thing 0x{index:016x}/get" for index in range(2)]


def test_a_group_is_told_what_every_member_allows() -> None:
    warm = numeric("color_temp", 7, "mired", 200, 370)
    lamps = grouped([of("light", state(), COLOR_TEMP)], [of("light", state(), warm)])
    assert lamps.limits("white") == (2703, 4000)  # 2203 to 4000 and 2703 to 5000
    with pytest.raises(Unable):
        command_for(lamps, "white", 2500)
    cold = numeric("color_temp", 7, "mired", 150, 200)
    apart = grouped([of("light", state(), COLOR_TEMP)], [of("light", state(), cold)])
    assert sorted(apart.points) == ["state"]


def test_a_group_of_lamps_that_write_colours_in_two_ways_is_told_red_green_and_blue() -> None:
    lamps = grouped([of("light", state(), COLOR_HS)], [of("light", state(), COLOR_XY)])
    assert sent(lamps, "color", "#ff8800")[0][1] == {"color": {"r": 255, "g": 136, "b": 0}}
    same = grouped([of("light", state(), COLOR_HS)], [of("light", state(), COLOR_HS)])
    assert sent(same, "color", "#ff0000")[0][1] == {"color": {"hue": 0, "saturation": 100}}


def test_words_that_members_write_differently_are_not_shared() -> None:
    odd = of("switch", state(on="OPEN", off="CLOSE"))
    assert grouped([of("switch", state())], [odd]).points == {}
    covers = [of("cover", enum("state", 3, *words), numeric("position", 7, "%", 0, 100))
              for words in (("OPEN", "CLOSE", "STOP"), ("OPEN", "CLOSE"))]
    blinds = grouped(*([each] for each in covers))
    assert blinds.kind == "cover"
    assert blinds.points["movement"].allowed == ("open", "close")
    assert sent(blinds, "position", 30) == [("zigbee2mqtt/downstairs/set", {"position": 30})]


def test_a_scale_that_members_do_not_share_is_left_out() -> None:
    fine = feature("brightness", "numeric", 7, value_min=0, value_max=1000)
    assert sorted(grouped([DIMMER], [of("light", state(), fine)]).points) == ["state"]


def test_heatings_that_are_told_key_by_key_are_told_together() -> None:
    valve = of("climate", numeric("occupied_heating_setpoint", 7, "°C", 5, 30, value_step=0.5),
               numeric("local_temperature", 1, "°C"))
    heating = grouped([valve], [valve])
    assert heating.kind == "thermostat"
    assert sorted(heating.points) == ["setpoint"]  # a group has measured nothing
    assert sent(heating, "setpoint", 21.5) == [
        ("zigbee2mqtt/downstairs/set", {"occupied_heating_setpoint": 21.5})]


def test_lamps_and_sockets_are_lights_that_can_be_switched() -> None:
    mixed = grouped([DIMMER], [of("switch", state())])
    assert (mixed.kind, sorted(mixed.points)) == ("light", ["state"])


def test_what_has_nothing_in_common_is_there_to_say_so() -> None:
    odd = grouped([DIMMER], [LOCK])
    assert (odd.kind, odd.points, odd.hidden) == (
        "sensor", {}, ("its members have nothing in common",))
    assert odd.asks == ()


@pytest.mark.parametrize("change", [
    {"disabled": True}, {"definition": None}, {"ieee_address": PLUG}])
def test_a_group_with_a_member_that_is_not_known_is_told_nothing(change: dict[str, Any]) -> None:
    devices = [device(LAMP, "a", DIMMER), device(DESK, "b", DIMMER) | change]
    *_, found = announced(devices, group(LAMP, DESK)).devices()
    assert found.points == {}
    assert found.hidden == (f"member {DESK} is not known",)
    assert [each.name for each in found.members] == ["a"]


def test_a_member_is_an_endpoint() -> None:
    strip = device(STRIP, "strip", *(
        of("switch", state(endpoint=end), endpoint=end) for end in ("left", "right")),
        numeric("power", 1, "W"), endpoints={
            "1": {"name": "left"}, "2": {"name": "right"}, "3": {"name": "third"}, "x": 7})
    discovery = announced([strip, device(LAMP, "lamp", DIMMER)], group((STRIP, 2), LAMP),
                          group((STRIP, 3), id=6, name="strange"))
    *_, known, strange = discovery.devices()
    assert [each.name for each in known.members] == ["strip right", "lamp"]
    assert sent(known, "state", "on") == [("zigbee2mqtt/downstairs/set", {"state": "ON"})]
    assert known.points["state"].reads[0].path == ("state",)
    assert strange.points == {}


def test_endpoints_without_names_are_the_device_that_has_no_others() -> None:
    (_, found) = announced([device(LAMP, "lamp", DIMMER)], group((LAMP, 11))).devices()
    assert found.can("brightness")


def test_groups_follow_what_is_announced() -> None:
    lamps = json.dumps([device(LAMP, "a", DIMMER), device(DESK, "b", COLORED)]).encode()
    discovery = ZigbeeDiscovery("zigbee2mqtt")
    assert discovery.take(GROUPS, json.dumps([group(LAMP, DESK)]).encode())
    assert discovery.take(TOPIC, lamps)
    assert not discovery.take(GROUPS, json.dumps([group(LAMP, DESK), group(id=901)]).encode())
    assert [each.name for each in discovery.devices()] == ["a", "b", "downstairs"]
    assert discovery.take(GROUPS, json.dumps([group(DESK, name="den/all")]).encode())
    (*_, renamed) = discovery.devices()
    assert (renamed.id, renamed.name, renamed.aliases) == (
        "zigbee2mqtt:group/5", "den/all", ("den all",))
    assert renamed.can("color")
    assert discovery.take(GROUPS, b"")
    assert [each.name for each in discovery.devices()] == ["a", "b"]


# Hostile announcements


@pytest.mark.parametrize("change", [
    {"id": -1}, {"id": "5"}, {"id": 70_000}, {"friendly_name": "a/#"}, {"friendly_name": ""},
    {"friendly_name": "bridge/request"}, {"friendly_name": None}, {"members": 7}, {"members": []},
    {"members": [{"ieee_address": "0x1"}]}, {"members": [{"ieee_address": LAMP}] * 257},
    {"members": [{"ieee_address": LAMP, "endpoint": "one"}]}])
def test_what_cannot_be_addressed_is_left_out_and_takes_no_other_away(
    change: dict[str, Any]
) -> None:
    found = announced([device(LAMP, "lamp", DIMMER)], group(LAMP) | change,
                      group(LAMP, id=6, name="other"))
    assert [each.name for each in found.devices()] == ["lamp", "other"]


@pytest.mark.parametrize("payload", [b"{", b"7", b'{"a":1}', b"\xff", b"[" * 100_000])
def test_what_is_no_list_changes_nothing(payload: bytes) -> None:
    discovery = announced([device(LAMP, "lamp", DIMMER)], group(LAMP))
    assert not discovery.take(GROUPS, payload)
    assert len(discovery.devices()) == 2


def test_bounds_hold_for_a_flood() -> None:
    found = announced([device(LAMP, "lamp", DIMMER)], *(
        group(LAMP, id=index, name=f"g{index}") for index in range(1500)))
    assert len(found.devices()) == MAX_DEVICES


def test_two_groups_of_one_number_are_one() -> None:
    found = announced([device(LAMP, "lamp", DIMMER)], group(LAMP), group(LAMP, name="second"))
    assert [each.name for each in found.devices()] == ["lamp", "downstairs"]


_HOSTILE = [group(LAMP, (STRIP, 2)), group(DESK, id=6, name="den/all")]


@given(st.data())
def test_no_announcement_makes_it_raise(data: st.DataObject) -> None:
    discovery = announced([
        device(LAMP, "lamp", DIMMER), device(DESK, "desk", COLORED),
        device(STRIP, "strip", of("switch", state(endpoint="l1"), endpoint="l1"),
               endpoints=altered({"1": {"name": "l1"}}, data))])
    discovery.take(GROUPS, msgspec.json.encode(altered(_HOSTILE, data)))
    use(discovery)
