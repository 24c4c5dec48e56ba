"""A home's TOML file, strictly read. Leaves out: what is discovered, and how devices are told.

    home.toml -> HomeFile -> (with what was discovered) -> Home
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from iotcall.devices.device import SOURCES, Source
from iotcall.devices.properties import Kind, Value
from iotcall.errors import FileError
from iotcall.settings import read_toml

DriverName = Literal["zigbee2mqtt", "tasmota"]
"""Ecosystems whose devices can be described in the file alone."""

MAX_NAME_LENGTH = 64
"""Characters of any name or alias: they are spoken and logged."""
MAX_ADDRESS_LENGTH = 128
"""Characters of an address: it is a part of a topic."""


class Room(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A room; its key in the file is what a closed catalogue says, e.g. living_room."""

    aliases: tuple[str, ...] = ()
    """Other names people say."""
    floor: str = ""
    """Key of a floor; empty: none."""


class Floor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A floor, or any other group of rooms: upstairs, the granny flat."""

    aliases: tuple[str, ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One device of the file."""

    name: str
    """Spoken in replies; unique."""
    room: str
    """Key of a room; empty, of a discovered device: in none."""
    kind: Kind | None = None
    driver: DriverName | None = None
    address: str = ""
    """zigbee2mqtt friendly name (may hold / and spaces) or Tasmota topic."""
    discovered: str = ""
    """Instead of driver and address: the id of a discovered device, which gets this name, room and
    aliases (`iotcall home show` prints ids). `kind` may be said too: a plug that is a light."""
    aliases: tuple[str, ...] = ()
    """Other names people say; unique, like the name."""
    attributes: dict[str, str] = {}
    """zigbee2mqtt: property -> attribute where the device departs from the profile."""
    relay: int = 1
    """Tasmota: which POWER<n>."""
    dimmable: bool = True
    """Lights: whether it has a brightness."""
    colorful: bool = False
    """Lights: whether it has colours and whites."""
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


class Discovery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose announcements are believed."""

    sources: tuple[Source, ...] = ()
    hide: tuple[str, ...] = ()
    """Patterns (`*` for anything) of ids and names that shall not be commanded."""
    rooms: dict[str, str] = {}
    """Pattern of ids and names -> key of a room, where the announcement says none."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some of what a device may be told; what comes to the same counts too: a position above 0 is
    an open cover, a brightness above 0 a light that is on."""

    device: str
    """Pattern (`*` for anything) of ids, names and aliases."""
    property: str = ""
    """Empty: whatever it is told."""
    value: Value | None = None
    """Absent, and `above` too: whatever the property is set to."""
    above: float | None = None
    """Instead of a value: every number above it."""
    sites: tuple[str, ...] = ()
    """With `never`: only from these satellites; empty: from anywhere."""


Marks = tuple[str | Rule, ...]
"""Which commands are meant: patterns (`*` for anything) of devices' ids, names and aliases, which
mean all that these are told, and rules."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Quiet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hours in which other rules hold, in the hub's local time."""

    start: str = msgspec.field(name="from")
    """22:00"""
    end: str = msgspec.field(name="to")
    """06:00; before `from`: on the day after. 24:00 is the end of a day."""
    days: tuple[Day, ...] = ()
    """Days on which it begins; empty: every day."""
    never: Marks = ()
    confirm: Marks = ()


class Safety(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What this home is careful with, beside what every home is: unlocking, garages, alarms."""

    confirm: Marks = ()
    """Asked back before it is done."""
    never: Marks = ()
    """Not by voice."""
    quiet: tuple[Quiet, ...] = ()
    pin: Marks = ()
    """A PIN at a keypad is needed in place of a yes. A pattern leaves locking, closing and stopping
    free, unless these are asked back as well; a rule means just what it says."""
    pin_hash: str = ""
    """Of `iotcall home pin`."""
    per_minute: int = 0
    """Commands of one site within any minute; a scene counts as many as it has. 0: no limit."""
    per_device_seconds: float = 0.0
    """Least time between two commands of a lock, a garage, an alarm or a device that is marked
    above. 0: no limit."""


class HomeFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    name: str
    rooms: dict[str, Room] = {}
    floors: dict[str, Floor] = {}
    devices: tuple[Entry, ...] = ()
    scenes: dict[str, tuple[Step, ...]] = {}
    """Name in the catalogue -> steps."""
    satellites: dict[str, str] = {}
    """siteId -> room it stands in; empty: in none, or unknown."""
    topics: dict[Source, str] = {}
    """Base topic (zigbee2mqtt, shelly, homie), full topic (tasmota) or prefix (homeassistant) where
    it is not the usual one."""
    discovery: Discovery = Discovery()
    safety: Safety = Safety()


class Misfit(Exception):
    """Something in the file that does not fit; `read_home` makes a FileError of it."""

    def __init__(self, place: str, message: str) -> None:
        self.place, self.message = place, message


def spoken(name: str) -> str:
    """A name as it is compared and said: living_room -> living room, "The  Lamp" -> lamp."""
    words = re.sub(r"[\s_]+", " ", name).strip().casefold()
    return words.removeprefix("the ")


def read_home(path: Path) -> HomeFile:
    """The file, checked as far as it can be without knowing what will be discovered.

    Raises:
        FileError: names the file, the place in it and what is wrong.
    """
    home = read_toml(path, HomeFile)
    try:
        _check(home)
    except Misfit as misfit:
        raise FileError(path, misfit.message, place=misfit.place) from None
    return home


def known(name: str, names: Iterable[str], place: str, what: str) -> None:
    """Raise a Misfit unless the name is one of the names."""
    if name not in (listed := sorted(names)):
        raise Misfit(place, f"there is no {what} {name!r}; known: {', '.join(listed)}")


def _check(home: HomeFile) -> None:
    check_names((f"rooms.{key}", (key, *room.aliases)) for key, room in home.rooms.items())
    check_names((f"floors.{key}", (key, *floor.aliases)) for key, floor in home.floors.items())
    check_names((f"devices[{index}]", (entry.name, *entry.aliases))
                for index, entry in enumerate(home.devices))
    if not home.devices and not home.discovery.sources:
        raise Misfit("devices", "needs at least one device, or discovery.sources")
    for key, room in home.rooms.items():
        if room.floor:
            known(room.floor, home.floors, f"rooms.{key}.floor", "floor")
    seen: dict[tuple[object, ...], str] = {}
    for index, entry in enumerate(home.devices):
        place = f"devices[{index}]"
        if entry.room or not entry.discovered:
            known(entry.room, home.rooms, f"{place}.room", "room")
        _check_entry(home, entry, place)
        where = (entry.driver, entry.discovered, entry.address, entry.relay,
                 *sorted(entry.attributes.items()))
        if where in seen:
            raise Misfit(f"{place}.address", f"{entry.name!r} has the address of {seen[where]!r}")
        seen[where] = entry.name
    for pattern, key in home.discovery.rooms.items():
        known(key, home.rooms, f"discovery.rooms.{pattern}", "room")
    for site, key in home.satellites.items():
        if key:
            known(key, home.rooms, f"satellites.{site}", "room")
    for source, topic in home.topics.items():
        _check_topic(topic.replace("%prefix%", "").replace("%topic%", ""), f"topics.{source}")
        if source == "tasmota" and not ("%prefix%" in topic and "%topic%" in topic):
            raise Misfit("topics.tasmota", "must hold %prefix% and %topic%")


def check_names(named: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Raise a Misfit unless all names can be said and none is given twice."""
    owner: dict[str, str] = {}
    for place, names in named:
        for name in names:
            if not spoken(name) or len(name) > MAX_NAME_LENGTH or not name.isprintable():
                raise Misfit(place, f"{name!r} is no name of 1 to {MAX_NAME_LENGTH} "
                                    "printable characters")
            other = owner.setdefault(spoken(name), place)
            if other != place:
                raise Misfit(place, f"{name!r} is a name of {other} already; names must differ")


def _check_entry(home: HomeFile, entry: Entry, place: str) -> None:
    if bool(entry.discovered) == bool(entry.driver):
        raise Misfit(place, "expected either `driver` with `kind` and `address`, or `discovered`")
    if entry.discovered:
        source, _, address = entry.discovered.partition(":")
        if source not in SOURCES or not address:
            raise Misfit(f"{place}.discovered", f"expected an id such as {SOURCES[0]}:NAME, found "
                                                f"{entry.discovered!r}")
        known(source, home.discovery.sources, f"{place}.discovered", "discovery source")
        return
    if entry.kind is None:
        raise Misfit(place, "expected a `kind`")
    if not entry.address or len(entry.address) > MAX_ADDRESS_LENGTH:
        raise Misfit(f"{place}.address", f"expected 1 to {MAX_ADDRESS_LENGTH} characters")
    _check_topic(entry.address, f"{place}.address")
    if entry.attributes and entry.driver != "zigbee2mqtt":
        raise Misfit(f"{place}.attributes", "only zigbee2mqtt devices have attributes")
    if not 1 <= entry.relay <= 32:
        raise Misfit(f"{place}.relay", f"expected 1 to 32, found {entry.relay}")
    if not entry.minimum_celsius < entry.maximum_celsius:
        raise Misfit(f"{place}.minimum_celsius", "must be below maximum_celsius")
    if not entry.step_celsius > 0:
        raise Misfit(f"{place}.step_celsius", "must be above 0")


def _check_topic(topic: str, place: str) -> None:
    if re.search(r"[+#]", topic) or not topic.isprintable() or topic.startswith("/"):
        raise Misfit(place, f"{topic!r} cannot be a part of a topic (no +, #, leading /)")
