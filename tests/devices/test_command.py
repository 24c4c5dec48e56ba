from __future__ import annotations

import pytest

from iotcall.devices import Device, Home, command_for
from iotcall.devices.command import satisfies


def _device(home: Home, name: str) -> Device:
    device = home.device(name)
    assert device is not None
    return device


def test_a_setpoint_is_rounded_to_the_thermostats_step(small_home: Home) -> None:
    assert command_for(_device(small_home, "heater"), "setpoint", 22.222).value == 22.0


def test_no_brightness_is_off(small_home: Home) -> None:
    told = command_for(_device(small_home, "den light"), "brightness", 0)
    assert (told.property, told.value) == ("state", "off")


@pytest.mark.parametrize(
    ("name", "property_name", "value"),
    [("den light", "position", 5), ("den light", "state", "dim"), ("den light", "state", True),
     ("den light", "brightness", 101), ("den light", "brightness", "5"), ("blind", "position", -1),
     ("blind", "position", True), ("heater", "setpoint", 70), ("heater", "setpoint", float("nan"))],
)
def test_values_that_are_none_are_refused(
    small_home: Home, name: str, property_name: str, value: str | float
) -> None:
    with pytest.raises(ValueError, match=property_name):
        command_for(_device(small_home, name), property_name, value)


@pytest.mark.parametrize(
    ("name", "property_name", "value", "state", "satisfied"),
    [("den light", "state", "on", {"state": "on"}, True),
     ("den light", "state", "on", {"state": "off"}, False),
     ("den light", "state", "on", {}, False),
     ("den light", "brightness", 20, {"brightness": 21, "state": "on"}, True),
     ("den light", "brightness", 20, {"brightness": 20, "state": "off"}, False),
     ("den light", "brightness", 20, {"brightness": 23}, False),
     ("heater", "setpoint", 22.2, {"setpoint": 22.25}, True),
     ("heater", "setpoint", 22.2, {"setpoint": 22.5}, False),
     ("blind", "position", 50, {"position": 49}, True)],
)
def test_a_state_satisfies_a_command_up_to_rounding(
    small_home: Home, name: str, property_name: str, value: str | float,
    state: dict[str, str | int | float], satisfied: bool,
) -> None:
    told = command_for(_device(small_home, name), property_name, value)
    assert satisfies(told, state) is satisfied
