"""A home as it is now: rooms, devices, scenes and satellites. Leaves out: states.

It is made of the file and of what was discovered (`assemble`), and made anew when that changes.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from iotcall.devices.command import Unable, command_for
from iotcall.devices.device import Device, Source
from iotcall.devices.drivers import device_of
from iotcall.devices.home_file import (
    Entry,
    Floor,
    HomeFile,
    Misfit,
    Room,
    Step,
    known,
    read_home,
    spoken,
)
from iotcall.devices.home_groups import beside_members, called, told_topics, with_members
from iotcall.devices.home_safety import check_safety
from iotcall.devices.properties import Kind, Value, check_value
from iotcall.errors import FileError

Channel = str | tuple[str, ...]


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a hub knows of one home."""

    name: str
    rooms: dict[str, Room]
    devices: tuple[Device, ...]
    floors: dict[str, Floor] = {}
    scenes: dict[str, tuple[Step, ...]] = {}
    """Name in the catalogue -> steps."""
    satellites: dict[str, str] = {}
    """siteId -> room it stands in; empty: in none, or unknown."""
    file: HomeFile
    """What the owner wrote."""
    missing: tuple[Entry, ...] = ()
    """Entries whose device nobody has announced."""
    hidden: tuple[Device, ...] = ()
    """Discovered devices that the file hides, or that another source describes too."""

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

    def spoken_names(self) -> tuple[str, ...]:
        """Everything that has a name here, by all its names."""
        return tuple(dict.fromkeys(
            name.replace("_", " ") for names in self.names().values() for name in names))

    def counted(self) -> tuple[Device, ...]:
        """What is meant where all of a sort or of a room are: no group beside its members."""
        beside = beside_members(self.devices)
        return tuple(device for device in self.devices if device.id not in beside)

    def of_kind(self, kind: Kind, room: str = "") -> tuple[Device, ...]:
        """The counted devices of the kind, in the room or in the whole home, in the file's
        order."""
        return tuple(device for device in self.counted()
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
        """(device, property, value) of the scene, later steps last; devices that are not there, and
        what those that are cannot do, are left out."""
        return tuple((device, name, value)
                     for step in self.scenes.get(scene, ())
                     for device in self.devices_of(step)
                     for name, value in step.set.items()
                     if step.device or device.can(name))

    def devices_of(self, step: Step) -> tuple[Device, ...]:
        """The devices that the step sets."""
        if step.kind:
            return self.of_kind(step.kind, step.room)
        device = self.device(step.device)
        return (device,) if device else ()


def load_home(path: Path) -> Home:
    """The home of the file before anything is discovered, every reference in it checked.

    Raises:
        FileError: names the file, the place in it and what is wrong.
    """
    file = read_home(path)
    try:
        home = assemble(file)
        if not file.discovery.sources:
            _check_scenes(home)
        check_safety(file, home.devices)
    except Misfit as misfit:
        raise FileError(path, misfit.message, place=misfit.place) from None
    return home


def assemble(file: HomeFile, found: Sequence[Device] = ()) -> Home:
    """The file's devices, then those found that it does not name or hide, by room and name.

    The file wins: what it names keeps its name, room and aliases, and a device that two sources
    describe (the same command topics, or the same readings) is the first one's. A group of which
    the file hides a member is hidden as well, unless the file names it.

    Raises:
        Misfit: an entry describes a device that its driver cannot be.
    """
    by_id = {device.id: device for device in found}
    devices: list[Device] = []
    missing: list[Entry] = []
    # Where it is told or known -> who announced it; None: the file. Parts of one thing may share.
    taken: dict[Channel, Source | None] = {}
    for index, entry in enumerate(file.devices):
        if entry.driver:
            devices.append(device_of(entry, file.topics, f"devices[{index}]"))
            taken |= dict.fromkeys(_channels(devices[-1]))
        elif device := by_id.pop(entry.discovered, None):
            devices.append(msgspec.structs.replace(
                device, name=entry.name, room=entry.room, aliases=entry.aliases,
                kind=entry.kind or device.kind))
            taken |= dict.fromkeys(_channels(device), device.source)
        else:
            missing.append(entry)
    # what unlocks is a lock, whatever else is announced to be commanded there
    locks = {topic for device in (*devices, *by_id.values()) if device.kind == "lock"
             for topic in told_topics(device)}
    rooms, hidden = dict(file.rooms), []
    named = {(device.room, spoken(device.name)): 1 for device in devices}
    for device in sorted(by_id.values(), key=lambda one: (
            file.discovery.sources.index(one.source), one.room, one.name, one.id)):
        told = told_topics(device)
        if any(_matches(each, file.discovery.hide) for each in (device, *device.members)) or (
                device.kind != "lock" and device.write_topics() and told & locks) or any(
                taken.get(channel, device.source) != device.source
                for channel in told or _channels(device)):
            hidden.append(device)
            continue
        device = _placed(device, file, rooms)
        if device.is_group:
            device = called(device, _places(rooms, file))
        device = _renamed(device, named)
        devices.append(device)
        taken |= dict.fromkeys(_channels(device), device.source)
    return Home(name=file.name, rooms=rooms, floors=file.floors,
                devices=with_members(devices, found), scenes=file.scenes,
                satellites=file.satellites, file=file, missing=tuple(missing),
                hidden=tuple(hidden))


def _channels(device: Device) -> frozenset[Channel]:
    """Where a device is told, and each thing that it tells."""
    return frozenset((*told_topics(device), *(
        (read.topic, *map(str, read.path)) for point in device.points.values()
        for read in point.reads)))


def _placed(device: Device, file: HomeFile, rooms: dict[str, Room]) -> Device:
    """With the key of its room; a room that was not known is taken up. A group is in a room only if
    the file says so: "kitchen" may be what some of the kitchen's lamps are called together."""
    for pattern, key in file.discovery.rooms.items():
        if _matches(device, (pattern,)):
            return msgspec.structs.replace(device, room=key)
    if device.is_group:
        return msgspec.structs.replace(device, room="")
    wanted = spoken(device.room)
    if wanted:
        for key, room in rooms.items():
            if wanted in map(spoken, (key, *room.aliases)):
                return msgspec.structs.replace(device, room=key)
        key = wanted.replace(" ", "_")
        rooms[key] = Room()
        return msgspec.structs.replace(device, room=key)
    # "kitchen/lamp", "kitchen_lamp" and "Kitchen lamp" stand in the kitchen
    name = spoken(device.name.replace("/", " "))
    inside = [(len(each), key) for key, room in rooms.items()
              for each in map(spoken, (key, *room.aliases)) if f"{name} ".startswith(f"{each} ")]
    return msgspec.structs.replace(device, room=max(inside)[1] if inside else "")


def _places(rooms: Mapping[str, Room], file: HomeFile) -> frozenset[str]:
    """Spoken names of rooms and floors."""
    return frozenset(spoken(name) for known in (rooms, file.floors) for key, place in known.items()
                     for name in (key, *place.aliases))


def _renamed(device: Device, named: dict[tuple[str, str], int]) -> Device:
    """Told apart from another of its name in its room by a number.

    `named`: room and name -> the last number that was given to one of that name, which saves the
    search where thousands announce the same; the device is entered.
    """
    name, key = device.name, (device.room, spoken(device.name))
    count = named.get(key, 0)
    while (device.room, spoken(name)) in named:
        count += 1
        name = f"{device.name} {count}"
    named[key] = max(count, 1)
    named.setdefault((device.room, spoken(name)), 1)
    return msgspec.structs.replace(device, name=name)


def _matches(device: Device, patterns: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(each.casefold(), pattern.casefold())
               for pattern in patterns for each in (device.id, device.name))


def _check_scenes(home: Home) -> None:
    for scene, steps in home.scenes.items():
        if not steps:
            raise Misfit(f"scenes.{scene}", "needs at least one step")
        for index, step in enumerate(steps):
            _check_step(home, step, f"scenes.{scene}[{index}]")
        if 0 < (most := home.file.safety.per_minute) < (needed := len(home.steps(scene))):
            raise Misfit("safety.per_minute", f"the scene {scene!r} has {needed} commands, more "
                                              f"than {most}, and could never be set")


def _check_step(home: Home, step: Step, place: str) -> None:
    if bool(step.device) == bool(step.kind):
        raise Misfit(place, "expected either `device` or `kind`")
    if step.room:
        if not step.kind:
            raise Misfit(f"{place}.room", "goes with `kind`, not with `device`")
        known(step.room, home.rooms, f"{place}.room", "room")
    devices = home.devices_of(step)
    if not devices:
        missing = f"device {step.device!r}" if step.device else f"{step.kind} in the {step.room}"
        raise Misfit(place, f"there is no {missing}")
    if not step.set:
        raise Misfit(f"{place}.set", "needs at least one property")
    for device in devices:
        for name, value in step.set.items():
            try:
                check_value(device.kind, name, value)
                if step.device or device.can(name):
                    command_for(device, name, value)
            except (ValueError, Unable) as error:
                raise Misfit(f"{place}.set.{name}", str(error)) from None
