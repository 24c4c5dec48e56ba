"""What is said in a home and all that must come of it, from a file. Leaves out: saying it.

    @kitchen
    lights off => kitchen light: state=off; counter strip: state=off
    and a bit brighter in the hall => hall light: brightness=up
    unlock the front door => ?question
    turn on the lamp and the sauna => lamp: state=on; ?refused OR ?question

One utterance a line; behind ``=>`` stands everything that it makes happen: a device that is not
named must not be touched. ``?outcome`` is what happens besides, or instead; alternatives are
joined by `` OR ``. ``@site`` sets the satellite and, like an empty line, begins a dialogue; ``#``
is a comment. ``up`` and ``down`` are against what the device was told before.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Literal, get_args

import msgspec

from iotcall.devices import Device, Home
from iotcall.devices.properties import PROPERTIES
from iotcall.errors import FileError

Result = Literal["question", "refused", "answer", "not_recognised"]
_SCENE = "scene "


class Wanted(msgspec.Struct, frozen=True):
    """One setting of one device, as the file names it."""

    device: str
    """Id of the device, or the name of a scene."""
    property: str
    """state, brightness, ..., white, mode, playback; scene."""
    value: str


class Expectation(msgspec.Struct, frozen=True):
    """One right answer: all of this, and nothing else."""

    wanted: frozenset[Wanted]
    result: Result | None


class SaidTurn(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance."""

    line: int
    site: str
    first: bool
    """It begins a dialogue."""
    utterance: str
    right: tuple[Expectation, ...]


def read_outcomes(path: Path, home: Home) -> list[SaidTurn]:
    """The turns of a file, in order.

    Raises:
        FileError: names the line and what is wrong with it.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be read: {error}") from error
    names = _names(home)
    scenes = {_scene(name) for name in home.scenes}
    turns: list[SaidTurn] = []
    site, first = "default", True
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            first = True
        elif text.startswith("@"):
            site, first = text[1:].strip(), True
            if site not in home.satellites:
                raise FileError(path, f"{site!r} is no satellite of the home: expected one of "
                                f"{', '.join(home.satellites)}", place=f"line {number}")
        elif not text.startswith("#"):
            utterance, arrow, expected = text.partition(" => ")
            if not arrow:
                raise FileError(path, "expected `utterance => outcome`", place=f"line {number}")
            try:
                right = tuple(_expectation(part, names, scenes) for part in expected.split(" OR "))
            except ValueError as error:
                raise FileError(path, str(error), place=f"line {number}") from error
            turns.append(SaidTurn(line=number, site=site, first=first,
                                  utterance=utterance.strip(), right=right))
            first = False
    if not turns:
        raise FileError(path, "holds no utterance; expected `utterance => outcome` a line")
    return turns


def _names(home: Home) -> dict[str, Device]:
    named = {alias.casefold(): device for device in home.devices for alias in device.aliases}
    return named | {device.name.casefold(): device for device in home.devices}


def _scene(name: str) -> str:
    return name.replace("_", " ").casefold().strip()


def _expectation(text: str, names: dict[str, Device], scenes: set[str]) -> Expectation:
    wanted: set[Wanted] = set()
    result: Result | None = None
    for part in text.split(";"):
        what = part.strip()
        if what.startswith("?"):
            if what[1:] not in get_args(Result):
                raise ValueError(f"{what!r} is no outcome: expected one of "
                                 f"{', '.join(f'?{each}' for each in get_args(Result))}")
            result = next(each for each in get_args(Result) if each == what[1:])
            continue
        name, colon, settings = what.partition(":")
        if name.casefold().startswith(_SCENE):
            scene = _scene(name[len(_SCENE):])
            if scene not in scenes:
                raise ValueError(f"{scene!r} is no scene of the home: expected one of "
                                 f"{', '.join(sorted(scenes)) or 'none'}")
            wanted.add(Wanted(scene, "scene", "on"))
            continue
        device = names.get(name.strip().casefold())
        if device is None or not colon:
            raise ValueError(f"{name.strip()!r} is no device of the home")
        for setting in settings.split(","):
            key, equals, value = setting.strip().partition("=")
            if not equals or not value:
                raise ValueError(f"expected property=value, found {setting.strip()!r}")
            if key not in PROPERTIES:
                near = get_close_matches(key, PROPERTIES, 1)
                raise ValueError(f"{key!r} is no property; " + (
                    f"did you mean {near[0]!r}?" if near
                    else f"expected one of {', '.join(PROPERTIES)}"))
            wanted.add(Wanted(device.id, key, value))
    return Expectation(frozenset(wanted), result)
