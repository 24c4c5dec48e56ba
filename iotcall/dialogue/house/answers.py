"""How things stand, in words: answers to `query`. Leaves out: which devices were asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from iotcall.devices import Device, DeviceStates, Kind, Value
from iotcall.dialogue.house.targets import Around, spoken_subject
from iotcall.dialogue.outcomes import Answer
from iotcall.dialogue.phrasing import joined, sentence, verb
from iotcall.speech.colors import color_name

ASKED: dict[str, tuple[str, ...]] = {
    "state": ("state", "lock", "movement", "position", "playback", "activity", "contact",
              "occupancy", "leak", "smoke", "mode"),
    "brightness": ("brightness",), "color": ("color", "white"), "temperature": ("temperature",),
    "setpoint": ("setpoint",), "humidity": ("humidity",), "position": ("position", "movement"),
    "volume": ("volume", "muted"), "speed": ("speed",), "mode": ("mode", "preset"),
    "battery": ("battery",),
}
"""Property of the catalogue -> normalised properties that answer it, the first that is known."""
KINDS: dict[str, tuple[Kind, ...]] = {
    "state": (), "brightness": ("light",), "color": ("light",),
    "temperature": ("thermostat", "sensor"), "setpoint": ("thermostat",), "humidity": ("sensor",),
    "position": ("cover",), "volume": ("media",), "speed": ("fan",),
    "mode": ("thermostat", "fan", "vacuum"), "battery": ("sensor", "lock", "thermostat"),
}
"""Property -> kinds that are meant where none was said."""
_LISTED = 6


def can_tell(device: Device, asked: str) -> bool:
    """Whether the device tells such a thing."""
    return any(name in device.points and device.points[name].reads for name in ASKED[asked])


def answer(devices: Sequence[Device], asked: str, states: DeviceStates, around: Around, *,
           any_of: bool) -> Answer:
    """One sentence for each state, with all devices that share it.

    `any_of`: asked whether any is ("are any lights on?"): those that are, are named first.
    """
    replies, settings = around.house.replies, around.settings
    groups: dict[tuple[Kind, str], list[Device]] = {}
    for device in devices:
        if states.online(device) is False:
            said = settings.replies.offline
        elif text := state_words(device, asked, states.of(device), around):
            said = settings.replies.status.replace("{said}", text)
        else:
            said = settings.replies.unknown_state
        groups.setdefault((device.kind, said), []).append(device)
    ordered = sorted(groups.items(), key=lambda each: _is_idle(each[0][1])) if any_of else (
        list(groups.items()))
    sentences = [sentence(said.format(subject=spoken_subject(alike, around),
                                      **{"is": verb(alike, settings)}))
                 for (_, said), alike in ordered[:_LISTED]]
    if not sentences:
        return Answer(reply=replies.nothing_measured.format(
            property=around.house.properties.get(asked, asked), place="here"))
    return Answer(reply=" ".join(sentences))


def state_words(device: Device, asked: str, state: Mapping[str, Value], around: Around) -> str:
    """What is said after "is"; empty: nothing is known."""
    names = [name for name in ASKED[asked] if name in state]
    if not names:
        return ""
    if asked == "state" and device.kind == "light" and "brightness" in state and (
            state.get("state") == "on"):
        return f"{value_words('state', 'on', around)} at {state['brightness']} percent"
    if asked == "state" and device.kind == "thermostat":
        parts = [_standing(name, state[name], around) for name in ("mode", "setpoint")
                 if name in state]
        return joined(parts, "and")
    return _standing(names[0], state[names[0]], around)


def _standing(name: str, value: Value, around: Around) -> str:
    """A value as it is said of a thing that has it: set to 21 degrees; at 40 percent; red."""
    return around.house.done.get(name, "{value}").format(value=value_words(name, value, around))


def value_words(name: str, value: Value, around: Around) -> str:
    """A value as it is said: on; 40 percent open; 21 degrees; red."""
    house = around.house
    if isinstance(value, str):
        if name == "color":
            return color_name(value)
        return house.states.get(name, {}).get(value, value.replace("_", " "))
    if name in ("setpoint", "temperature") and around.settings.degrees == "fahrenheit":
        value = value * 9 / 5 + 32
    if name == "position" and value in (0, 100):
        return "open" if value else "closed"
    return f"{round(value, 1):g}{house.units.get(name, '')}"


def _is_idle(said: str) -> bool:
    return any(f" {word}." in said or f"}} {word}" in said for word in ("off", "closed", "locked"))
