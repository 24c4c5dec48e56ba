"""A demo script: what is said, and what must come of it. Leaves out: saying it.

One utterance a line; after `=>` what is expected, one thing or several separated by `;`:

    turn on the kitchen lights => kitchen light: state=on, brightness=100
    turn them off => ?question
    what is the capital of peru => !not_recognised

A line `@kitchen` sets the satellite at which the following lines are said. `device: property=value`
is what the device must really be afterwards; `?outcome` or `!outcome` (two spellings of one thing)
is the outcome of the turn. Lines that start with `#` are comments.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import msgspec

from iotcall.devices import Home, Value
from iotcall.errors import FileError
from iotcall.hub.turn import Outcome

_ARROW = "=>"


class Expected(msgspec.Struct, frozen=True):
    """One property of one device."""

    device: str
    """Name as in the home."""
    property: str
    value: Value


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One utterance of a script."""

    number: int
    """In the file, from 1."""
    utterance: str
    site: str | None = None
    """Where it is said; None: where the demo stands."""
    states: tuple[Expected, ...] = ()
    outcome: Outcome | None = None


def read_script(path: Path, home: Home) -> tuple[Line, ...]:
    """The lines of the file; devices may be written by name or alias.

    Raises:
        FileError: names the line and what is wrong with it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(path, f"cannot be read: {error}") from error
    lines: list[Line] = []
    site: str | None = None
    for number, content in enumerate(map(str.strip, text.splitlines()), 1):
        if content.startswith("@"):
            site = content[1:].strip()
            if site not in home.satellites:
                raise FileError(path, f"there is no satellite {site!r}; known: "
                                      f"{', '.join(sorted(home.satellites))}",
                                place=f"line {number}")
        elif content and not content.startswith("#"):
            lines.append(msgspec.structs.replace(_line(path, number, content, home), site=site))
    if not lines:
        raise FileError(path, "holds no utterance")
    return tuple(lines)


def differences(line: Line, outcome: Outcome, states: dict[str, dict[str, Value]]) -> list[str]:
    """What is not as the line expects; empty when all is well.

    Args:
        states: device name -> what it really is.
    """
    found = []
    if line.outcome is not None and line.outcome != outcome:
        found.append(f"expected {line.outcome}, found {outcome}")
    for expected in line.states:
        value = states.get(expected.device, {}).get(expected.property)
        if not _same(value, expected.value):
            found.append(f"{expected.device}: expected {expected.property}={expected.value}, "
                         f"found {value}")
    return found


def _line(path: Path, number: int, content: str, home: Home) -> Line:
    utterance, _, rest = content.partition(_ARROW)
    states: list[Expected] = []
    outcome: Outcome | None = None
    try:
        for part in filter(None, map(str.strip, rest.split(";"))):
            if part[0] in "?!":
                outcome = _outcome(part[1:])
            else:
                states += _states(part, home)
    except ValueError as error:
        raise FileError(path, str(error), place=f"line {number}") from None
    if not (states or outcome):
        raise FileError(path, f"expects nothing; write e.g. `{_ARROW} ?done` or `{_ARROW} "
                              "device: property=value` after what is said",
                        place=f"line {number}")
    if not utterance.strip():
        raise FileError(path, f"nothing is said before `{_ARROW}`", place=f"line {number}")
    return Line(number=number, utterance=utterance.strip(), states=tuple(states), outcome=outcome)


def _outcome(word: str) -> Outcome:
    for outcome in get_args(Outcome):
        if word == outcome:
            return outcome  # type: ignore[no-any-return]
    raise ValueError(f"{word!r} is no outcome; known: {', '.join(get_args(Outcome))}")


def _states(part: str, home: Home) -> list[Expected]:
    name, colon, settings = part.partition(":")
    device = home.device(name)
    if not colon or device is None:
        raise ValueError(f"expected `device: property=value`, found {part!r}; devices: "
                         f"{', '.join(sorted(device.name for device in home.devices))}")
    expected = []
    for setting in settings.split(","):
        prop, equals, value = map(str.strip, setting.partition("="))
        if not (prop and equals and value):
            raise ValueError(f"expected `property=value`, found {setting.strip()!r}")
        expected.append(Expected(device.name, prop, _value(value)))
    return expected


def _value(text: str) -> Value:
    try:
        return float(text)
    except ValueError:
        return text


def _same(found: Value | None, expected: Value) -> bool:
    if isinstance(expected, str) or isinstance(found, str) or found is None:
        return found == expected
    return abs(found - expected) <= 0.05  # written with one decimal
