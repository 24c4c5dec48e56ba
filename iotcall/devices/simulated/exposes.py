"""What zigbee2mqtt says of its devices on bridge/devices. Leaves out: real models and endpoints.

Source of the features: `presets` in dist/lib/exposes.js of zigbee-herdsman-converters 26.105.0,
which zigbee2mqtt 2.14.1 uses.
"""

from __future__ import annotations

from typing import Any

from iotcall.devices.home_file import Entry
from iotcall.devices.simulated.base import hardware_address

_PUBLISHED, _SET, _GET = 1, 2, 4  # access bits
_USUAL_ATTRIBUTES = {
    "state": "state", "brightness": "brightness", "setpoint": "occupied_heating_setpoint",
    "mode": "system_mode", "lock": "state", "position": "position",
}

def bridge_devices(devices: tuple[Entry, ...]) -> list[dict[str, Any]]:
    """The payload of bridge/devices, the coordinator first."""
    return [_coordinator(), *map(_entry, devices)]


def ieee_address(device: Entry) -> str:
    """0x and 16 digits, always the same for the same friendly name."""
    return "0x" + hardware_address(device.address, 16)


def attribute(device: Entry, name: str) -> str:
    """What the device calls a property."""
    return device.attributes.get(name, _USUAL_ATTRIBUTES[name])


def _coordinator() -> dict[str, Any]:
    return {
        "ieee_address": "0x" + hardware_address("coordinator", 16), "type": "Coordinator",
        "network_address": 0, "supported": True, "friendly_name": "Coordinator",
        "disabled": False, "interviewing": False, "interview_completed": True,
        "interview_state": "SUCCESSFUL", "endpoints": {},
    }


def _entry(device: Entry) -> dict[str, Any]:
    battery = device.kind == "lock"
    return {
        "ieee_address": ieee_address(device),
        "type": "EndDevice" if battery else "Router",
        "network_address": int(hardware_address(device.address, 4), 16),
        "supported": True,
        "friendly_name": device.address,
        "disabled": False,
        "definition": {
            "source": "native", "model": f"simulated-{device.kind}", "vendor": "iotcall",
            "description": f"Simulated {device.kind}", "exposes": _exposes(device),
            "supports_ota": False, "options": [],
        },
        "power_source": "Battery" if battery else "Mains (single phase)",
        "model_id": f"simulated-{device.kind}",
        "interviewing": False,
        "interview_completed": True,
        "interview_state": "SUCCESSFUL",
        "manufacturer": "iotcall",
        "endpoints": {"1": {"bindings": [], "configured_reportings": [], "scenes": [],
                            "clusters": {"input": [], "output": []}}},
    }


def _exposes(device: Entry) -> list[dict[str, Any]]:
    everything = _PUBLISHED | _SET | _GET
    state = attribute(device, "state")
    on_off = _feature(state, "binary", everything, value_on="ON", value_off="OFF",
                      value_toggle="TOGGLE")
    percent = {"unit": "%", "value_min": 0, "value_max": 100}
    match device.kind:
        case "light":
            brightness = _feature(attribute(device, "brightness"), "numeric",
                                  everything, value_min=0, value_max=254)
            colors = [
                _feature("color_temp", "numeric", everything, unit="mired", value_min=150,
                         value_max=500),
                {**_feature("color", "composite", everything), "name": "color_hs", "features": [
                    _feature("hue", "numeric", everything),
                    _feature("saturation", "numeric", everything)]}]
            specific = _of("light", on_off, *[brightness] * device.dimmable,
                           *colors * device.colorful)
        case "plug":
            specific = _of("switch", on_off)
        case "fan":
            specific = _of("fan", on_off)
        case "thermostat":
            specific = _of(
                "climate",
                _feature(attribute(device, "setpoint"), "numeric",
                         everything, unit="°C", value_min=device.minimum_celsius,
                         value_max=device.maximum_celsius, value_step=device.step_celsius),
                _feature("local_temperature", "numeric", _PUBLISHED | _GET, unit="°C"),
                _feature(attribute(device, "mode"), "enum", everything,
                         values=["off", "heat", "cool", "auto"]),
            )
        case "lock":
            specific = _of(
                "lock",
                _feature(attribute(device, "lock"), "binary", everything,
                         value_on="LOCK", value_off="UNLOCK"),
                _feature("lock_state", "enum", _PUBLISHED,
                         values=["not_fully_locked", "locked", "unlocked"]),
            )
        case "cover":
            specific = _of(
                "cover",
                _feature("state", "enum", _PUBLISHED | _SET, values=["OPEN", "CLOSE", "STOP"]),
                _feature(attribute(device, "position"), "numeric", everything,
                         **percent),
            )
    battery = _feature("battery", "numeric", _PUBLISHED, **percent)
    quality = _feature("linkquality", "numeric", _PUBLISHED, unit="lqi", value_min=0,
                       value_max=255)
    return [specific, *[battery] * (device.kind == "lock"), quality]


def _of(kind: str, *features: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "features": list(features)}


def _feature(name: str, kind: str, access: int, **more: Any) -> dict[str, Any]:
    label = name.replace("_", " ").capitalize()
    return {"name": name, "label": label, "property": name, "type": kind, "access": access, **more}
