"""A home: rooms, devices, scenes and satellites, read from a checked TOML file.

Leaves out: what the devices' states are and how they are told anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from iotcall.devices.profile import Profile, load_profile
from iotcall.devices.properties import Kind, Value, check_value
from iotcall.errors import FileError
from iotcall.settings import read_toml

DriverName = Literal["zigbee2mqtt", "tasmota"]

MAX_NAME_LENGTH = 64
"""Characters of any name or alias: they are spoken and logged."""
MAX_ADDRESS_LENGTH = 128
"""Characters of an address: it is a part of a topic."""


class Room(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A room; its key in the file is what the catalogue says, e.g. living_room."""

    aliases: tuple[str, ...] = ()
    """Other names people say."""


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device."""

    name: str
    """Spoken in replies; unique."""
    room: str
    """Key of a room."""
    kind: Kind
    driver: DriverName
    address: str
    """zigbee2mqtt friendly name (may hold / and spaces) or Tasmota topic."""
    aliases: tuple[str, ...] = ()
    """Other names people say; unique, like the name."""
    attributes: dict[str, str] = {}
    """zigbee2mqtt: property -> attribute where the device departs from the profile."""
    relay: int = 1
    """Tasmota: which POWER<n>."""
    dimmable: bool = True
    """Lights: whether it has a brightness."""
    minimum_celsius: float = 7.0
    """Thermostats: lowest setpoint that may be commanded."""
    maximum_celsius: float = 30.0
    """Thermostats: highest setpoint that may be commanded."""
    step_celsius: float = 0.5
    """Thermostats: setpoints are rounded to it."""


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step of a scene: a device, or all of a kind (in a room), and what they are set to."""

    device: str = ""
    """Name of a device."""
    kind: Kind | None = None
    """Or a kind."""
    room: str = ""
    """Narrows the kind; empty: in the whole home."""
    set: dict[str, Value]
    """Property -> value, in normalised units."""


class Home(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a hub knows of one home."""

    name: str
    rooms: dict[str, Room]
    devices: tuple[Device, ...]
    scenes: dict[str, tuple[Step, ...]] = {}
    """Name in the catalogue -> steps."""
    satellites: dict[str, str] = {}
    """siteId -> room it stands in; empty: in none, or unknown."""
    topics: dict[DriverName, str] = {}
    """Base topic (zigbee2mqtt) or full topic (Tasmota) where it is not the usual one."""

    def names(self) -> dict[str, list[str]]:
        """What can be named, for parameters that are bound to the home (``x-registry``).

        ``areas``: rooms and their aliases, as they are spoken; ``devices``: names; ``aliases``:
        names and aliases of devices; ``scenes``: keys of scenes.
        """
        return {
            "areas": [name for key, room in self.rooms.items()
                      for name in (key.replace("_", " "), *room.aliases)],
            "devices": [device.name for device in self.devices],
            "aliases": [name for device in self.devices for name in (device.name, *device.aliases)],
            "scenes": list(self.scenes),
        }

    def of_kind(self, kind: Kind, room: str = "") -> tuple[Device, ...]:
        """The devices of the kind, in the room or in the whole home, in the file's order."""
        return tuple(device for device in self.devices
                     if device.kind == kind and room in ("", device.room))

    def device(self, said: str) -> Device | None:
        """The device of that name or alias."""
        wanted = spoken(said)
        return next((device for device in self.devices
                     if wanted in map(spoken, (device.name, *device.aliases))), None)

    def room(self, said: str) -> str | None:
        """The key of the room of that key or alias."""
        wanted = spoken(said)
        return next((key for key, room in self.rooms.items()
                     if wanted in map(spoken, (key, *room.aliases))), None)

    def steps(self, scene: str) -> tuple[tuple[Device, str, Value], ...]:
        """(device, property, value) of the scene, later steps last."""
        return tuple((device, name, value)
                     for step in self.scenes.get(scene, ())
                     for device in self.devices_of(step)
                     for name, value in step.set.items())

    def devices_of(self, step: Step) -> tuple[Device, ...]:
        """The devices that the step sets."""
        if step.kind:
            return self.of_kind(step.kind, step.room)
        device = self.device(step.device)
        return (device,) if device else ()


def spoken(name: str) -> str:
    """A name as it is compared and said: living_room -> living room, "The  Lamp" -> lamp."""
    words = re.sub(r"[\s_]+", " ", name).strip().casefold()
    return words.removeprefix("the ")


def load_home(path: Path) -> Home:
    """The home of the file, every reference in it checked.

    Raises:
        FileError: names the file, the place in it and what is wrong.
    """
    home = read_toml(path, Home)
    try:
        _check(home)
    except _Misfit as misfit:
        raise FileError(path, misfit.message, place=misfit.place) from None
    return home


class _Misfit(Exception):
    def __init__(self, place: str, message: str) -> None:
        self.place, self.message = place, message


def _check(home: Home) -> None:
    profiles = {name: load_profile(name) for name in {device.driver for device in home.devices}}
    _check_names((f"rooms.{key}", (key, *room.aliases)) for key, room in home.rooms.items())
    _check_names((f"devices[{index}]", (device.name, *device.aliases))
                 for index, device in enumerate(home.devices))
    if not home.devices:
        raise _Misfit("devices", "needs at least one device")
    seen: dict[tuple[object, ...], str] = {}
    for index, device in enumerate(home.devices):
        place = f"devices[{index}]"
        _check_device(home, device, profiles[device.driver], place)
        where = (device.driver, device.address, device.relay, *sorted(device.attributes.items()))
        if where in seen:
            raise _Misfit(f"{place}.address", f"{device.name!r} has the address of {seen[where]!r}")
        seen[where] = device.name
    for scene, steps in home.scenes.items():
        if not steps:
            raise _Misfit(f"scenes.{scene}", "needs at least one step")
        for index, step in enumerate(steps):
            _check_step(home, step, f"scenes.{scene}[{index}]")
    for site, room in home.satellites.items():
        if room:
            _known(room, home.rooms, f"satellites.{site}", "room")
    for driver, topic in home.topics.items():
        _check_topic(topic.replace("%prefix%", "").replace("%topic%", ""), f"topics.{driver}")
        if driver == "tasmota" and not ("%prefix%" in topic and "%topic%" in topic):
            raise _Misfit("topics.tasmota", "must hold %prefix% and %topic%")


def _check_names(named: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    owner: dict[str, str] = {}
    for place, names in named:
        for name in names:
            if not spoken(name) or len(name) > MAX_NAME_LENGTH or not name.isprintable():
                raise _Misfit(place, f"{name!r} is no name of 1 to {MAX_NAME_LENGTH} "
                                     "printable characters")
            other = owner.setdefault(spoken(name), place)
            if other != place:
                raise _Misfit(place, f"{name!r} is a name of {other} already; names must differ")


def _check_device(home: Home, device: Device, profile: Profile, place: str) -> None:
    _known(device.room, home.rooms, f"{place}.room", "room")
    slots = profile.kinds.get(device.kind)
    if slots is None:
        raise _Misfit(f"{place}.kind", f"{device.driver} has no {device.kind} here; it has: "
                                       f"{', '.join(sorted(profile.kinds))}")
    if not device.address or len(device.address) > MAX_ADDRESS_LENGTH:
        raise _Misfit(f"{place}.address", f"expected 1 to {MAX_ADDRESS_LENGTH} characters")
    _check_topic(device.address, f"{place}.address")
    for name in device.attributes:
        _known(name, slots, f"{place}.attributes", "property")
    if device.attributes and device.driver != "zigbee2mqtt":
        raise _Misfit(f"{place}.attributes", "only zigbee2mqtt devices have attributes")
    if not 1 <= device.relay <= 32:
        raise _Misfit(f"{place}.relay", f"expected 1 to 32, found {device.relay}")
    if not device.minimum_celsius < device.maximum_celsius:
        raise _Misfit(f"{place}.minimum_celsius", "must be below maximum_celsius")
    if not device.step_celsius > 0:
        raise _Misfit(f"{place}.step_celsius", "must be above 0")


def _check_step(home: Home, step: Step, place: str) -> None:
    if bool(step.device) == bool(step.kind):
        raise _Misfit(place, "expected either `device` or `kind`")
    if step.room:
        if not step.kind:
            raise _Misfit(f"{place}.room", "goes with `kind`, not with `device`")
        _known(step.room, home.rooms, f"{place}.room", "room")
    devices = home.devices_of(step)
    if not devices:
        missing = f"device {step.device!r}" if step.device else f"{step.kind} in the {step.room}"
        raise _Misfit(place, f"there is no {missing}")
    if not step.set:
        raise _Misfit(f"{place}.set", "needs at least one property")
    for device in devices:
        for name, value in step.set.items():
            try:
                check_value(device.kind, name, value)
            except ValueError as error:
                raise _Misfit(f"{place}.set.{name}", str(error)) from None
            if name == "brightness" and not device.dimmable:
                raise _Misfit(f"{place}.set.{name}", f"{device.name!r} is not dimmable")
            limits = device.minimum_celsius, device.maximum_celsius
            if name == "setpoint" and not limits[0] <= float(value) <= limits[1]:
                raise _Misfit(f"{place}.set.{name}", f"{device.name!r} takes "
                              f"{limits[0]:g}..{limits[1]:g} degrees Celsius, found {value}")


def _check_topic(topic: str, place: str) -> None:
    if re.search(r"[+#]", topic) or not topic.isprintable() or topic.startswith("/"):
        raise _Misfit(place, f"{topic!r} cannot be a part of a topic (no +, #, leading /)")


def _known(name: str, known: Iterable[str], place: str, what: str) -> None:
    if name not in (names := sorted(known)):
        raise _Misfit(place, f"there is no {what} {name!r}; known: {', '.join(names)}")
