"""What ``[safety]`` of a home's file means for devices, and whether it can be meant.

Leaves out: when it is asked (dialogue's gate). Patterns are compared without case; a name is
compared as it is written and as it is spoken.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import re
from collections.abc import Iterator, Sequence

import msgspec

from iotcall.devices.device import SOURCES, Device
from iotcall.devices.home_file import (
    MAX_ADDRESS_LENGTH,
    HomeFile,
    Marks,
    Misfit,
    Quiet,
    Rule,
    known,
    spoken,
)
from iotcall.devices.properties import PROPERTIES, check_value, checked, properties_of

MAX_MARKS = 256
"""Entries of one list."""
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_MOST_PER_MINUTE = 1000
_LONGEST_SECONDS = 3600.0


class PinHash(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a PIN (scrypt, https://www.rfc-editor.org/rfc/rfc7914)."""

    log_n: int
    """Work and memory: 128 * r * 2 ** log_n bytes."""
    r: int
    p: int
    salt: bytes
    key: bytes

    def __repr__(self) -> str:
        return "PinHash(...)"  # four digits are soon tried: a hash belongs in no log


def read_pin_hash(text: str) -> PinHash:
    """``scrypt$14$8$5$<salt>$<key>``, salt and key in base64.

    Raises:
        ValueError: it is no such hash, or one that costs too little or more than a hub has.
    """
    parts = text.split("$")
    try:
        name, log_n, r, p, salt, key = parts
        found = PinHash(log_n=int(log_n), r=int(r), p=int(p),
                        salt=base64.b64decode(salt, validate=True),
                        key=base64.b64decode(key, validate=True))
    except (ValueError, binascii.Error):
        raise ValueError("expected what `iotcall home pin` prints") from None
    fits = (14 <= found.log_n <= 16 and found.r == 8 and 1 <= found.p <= 16
            and 16 <= len(found.salt) <= 64 and len(found.key) == 32)
    if name != "scrypt" or not fits:
        raise ValueError("expected what `iotcall home pin` prints")
    return found


def matches(device: Device, pattern: str) -> bool:
    """Whether the device's id, name or an alias is such a one, or that of a group's member."""
    wanted = pattern.casefold()
    return any(fnmatch.fnmatchcase(each, wanted)
               for name in (device.id, device.name, *device.aliases)
               for each in (name.casefold(), spoken(name))) or any(
                   fnmatch.fnmatchcase(spoken(name), spoken(pattern))
                   for name in (device.name, *device.aliases)) or any(
                       matches(member, pattern) for member in device.members)


def minutes(time: str) -> int:
    """Minutes after midnight of a time such as 22:00, up to 24:00."""
    hours, _, rest = time.partition(":")
    return int(hours) * 60 + int(rest)


def unmatched(file: HomeFile, devices: Sequence[Device]) -> tuple[str, ...]:
    """Patterns that no device fits now, sorted: for people, as what they protect may be misspelt
    where devices are discovered."""
    found = {_pattern(mark) for _, marks in _lists(file) for mark in marks}
    return tuple(sorted(pattern for pattern in found
                        if not any(matches(device, pattern) for device in devices)))


def check_safety(file: HomeFile, devices: Sequence[Device]) -> None:
    """Check everything that ``[safety]`` refers to.

    Patterns must fit a device, unless devices are discovered: those are not known yet.

    Raises:
        Misfit: names the place and what was expected.
    """
    safety = file.safety
    for index, quiet in enumerate(safety.quiet):
        _check_hours(quiet, f"safety.quiet[{index}]")
    for place, marks in _lists(file):
        if len(marks) > MAX_MARKS:
            raise Misfit(place, f"expected at most {MAX_MARKS} entries, found {len(marks)}")
        for index, mark in enumerate(marks):
            _check_mark(mark, f"{place}[{index}]", file, devices)
            if isinstance(mark, Rule) and mark.sites and not place.endswith("never"):
                raise Misfit(f"{place}[{index}].sites", "belongs to `never`")
    if safety.pin and not safety.pin_hash:
        raise Misfit("safety.pin_hash", "`safety.pin` needs one: `iotcall home pin` makes it")
    if safety.pin_hash:
        try:
            read_pin_hash(safety.pin_hash)
        except ValueError as error:
            raise Misfit("safety.pin_hash", str(error)) from None
    if not 0 <= safety.per_minute <= _MOST_PER_MINUTE:
        raise Misfit("safety.per_minute", f"expected 0 to {_MOST_PER_MINUTE}")
    if not 0 <= safety.per_device_seconds <= _LONGEST_SECONDS:
        raise Misfit("safety.per_device_seconds", f"expected seconds, 0 to {_LONGEST_SECONDS:g}")


def _lists(file: HomeFile) -> Iterator[tuple[str, Marks]]:
    safety = file.safety
    yield from (("safety.confirm", safety.confirm), ("safety.never", safety.never),
                ("safety.pin", safety.pin))
    for index, quiet in enumerate(safety.quiet):
        yield f"safety.quiet[{index}].never", quiet.never
        yield f"safety.quiet[{index}].confirm", quiet.confirm


def _pattern(mark: str | Rule) -> str:
    return mark if isinstance(mark, str) else mark.device


def _check_mark(mark: str | Rule, place: str, file: HomeFile, devices: Sequence[Device]) -> None:
    pattern = _pattern(mark)
    if not spoken(pattern) or len(pattern) > MAX_ADDRESS_LENGTH or not pattern.isprintable():
        raise Misfit(place, f"{pattern!r} is no pattern of 1 to {MAX_ADDRESS_LENGTH} printable "
                            "characters")
    meant = [device for device in devices if matches(device, pattern)]
    discovered = file.discovery.sources
    source, colon, _ = pattern.partition(":")
    if colon and source in SOURCES and not meant and discovered:
        known(source, discovered, place, "discovery source")
    if not meant and not discovered:
        raise Misfit(place, f"no device has an id, name or alias like {pattern!r}; known: "
                            f"{', '.join(sorted(device.name for device in devices))}")
    if isinstance(mark, Rule):
        _check_rule(mark, place, meant)
        for site in mark.sites:
            known(site, file.satellites, f"{place}.sites", "satellite")


def _check_rule(rule: Rule, place: str, meant: Sequence[Device]) -> None:
    name = rule.property
    if rule.value is not None and rule.above is not None:
        raise Misfit(place, "expected either `value` or `above`")
    value = rule.value if rule.above is None else rule.above
    if not name:
        if value is not None:
            raise Misfit(place, "`value` and `above` need a `property`")
        return
    if name not in PROPERTIES or PROPERTIES[name].measured:
        told = sorted(key for key, each in PROPERTIES.items() if not each.measured)
        raise Misfit(f"{place}.property", f"there is no property `{name}` that can be set; known: "
                                          f"{', '.join(told)}")
    can = [device for device in meant if name in properties_of(device.kind)]
    if meant and not can:
        raise Misfit(f"{place}.property", f"{meant[0].name!r} is a {meant[0].kind}, which has no "
                                          f"property `{name}`")
    if rule.above is not None and (PROPERTIES[name].words or PROPERTIES[name].free
                                   or name == "color"):
        raise Misfit(f"{place}.above", f"{name} is no number")
    if value is None:
        return
    try:
        if can:
            check_value(can[0].kind, name, value)
        else:
            checked(name, value, name)
    except ValueError as error:
        raise Misfit(f"{place}.{'value' if rule.above is None else 'above'}", str(error)) from None


def _check_hours(quiet: Quiet, place: str) -> None:
    for key, time in (("from", quiet.start), ("to", quiet.end)):
        if not _TIME.fullmatch(time) or (key, time) == ("from", "24:00"):
            raise Misfit(f"{place}.{key}", f"expected a time such as 22:00, found {time!r}")
    if quiet.start == quiet.end:
        raise Misfit(place, "`from` and `to` must differ; a whole day is 00:00 to 24:00")
    if not quiet.never and not quiet.confirm:
        raise Misfit(place, "needs `never` or `confirm`")
