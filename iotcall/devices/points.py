"""How a device is told a property and tells it: topics and payloads. Leaves out: who found out.

A driver or a discovery writes a device's points once; from then on one code serves all ecosystems.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import msgspec

from iotcall.devices.colors import ColorForm, decoded, encoded
from iotcall.devices.properties import PROPERTIES, Value

Scalar = str | bool | int | float
Unit = Literal["", "fahrenheit", "mired"]
Path = tuple[str | int, ...]
"""Keys into a JSON payload, from the outside; empty: the payload itself is the value."""

_ABSURD = 1e9  # no state is as large; keeps infinities and huge integers out of arithmetic


class Publication(msgspec.Struct, frozen=True):
    """One MQTT message; a command is sent with QoS 1 and never retained."""

    topic: str
    payload: bytes
    retain: bool = False
    """Only the simulated home retains (births, availability, discovery)."""


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value is sent to."""

    topic: str
    path: Path = ()
    fixed: dict[str, Any] = {}
    """What else stands in the same JSON object."""
    words: dict[str, Scalar] = {}
    """Normalised word -> what is sent for it."""
    text: str = ""
    """Payload with {} for the value, where it is neither the bare value nor JSON."""
    before: tuple[Publication, ...] = ()
    """Sent first."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value is said."""

    topic: str
    path: Path = ()
    words: dict[str, str] = {}
    """What is said (true and false for booleans) -> normalised word."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One property of one device."""

    write: Write | None = None
    """None: it cannot be set."""
    reads: tuple[Read, ...] = ()
    """Empty: it is never told."""
    scale: tuple[float, float] | None = None
    """What 0 % and 100 % are on the wire; absent: the number goes as it is."""
    unit: Unit = ""
    """What the wire counts in, where it is another unit than ours."""
    color: ColorForm = ""
    low: float | None = None
    high: float | None = None
    """What this device allows, in our unit; None: what the property allows."""
    step: float | None = None
    """Numbers are rounded to it."""
    words: tuple[str, ...] = ()
    """What this device allows of words; empty: those that can be written."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """Words that it can be told."""
        return self.words or (tuple(self.write.words) if self.write else ())

    def publications(self, name: str, value: Value) -> tuple[Publication, ...]:
        """The messages that tell the device; the value must have been checked."""
        write = self.write
        assert write is not None
        raw = self._encoded(name, value)
        if write.path or write.fixed:
            payload = msgspec.json.encode(_placed(write.fixed, write.path, raw))
        elif write.text:
            payload = write.text.replace("{}", _text(raw)).encode()
        else:
            payload = _text(raw).encode()
        return *write.before, Publication(write.topic, payload)

    def value_of(self, name: str, read: Read, said: Any) -> Value | None:
        """The value in a payload (parsed JSON, or text); None: it tells none."""
        said = at_path(said, read.path)
        rules = PROPERTIES[name]
        if name == "color":
            return decoded(said, self.color)
        if rules.words or rules.free:
            return read.words.get(_text(said))
        return self._decoded(name, said)

    def _encoded(self, name: str, value: Value) -> Any:
        if isinstance(value, str):
            if name == "color":
                return encoded(value, self.color)
            assert self.write is not None
            return self.write.words.get(value, value)
        match self.unit:
            case "fahrenheit":
                return round(value * 9 / 5 + 32, 1)
            case "mired":
                return round(1e6 / value)
        if self.scale is None:
            return value
        low, high = self.scale
        wire = low + (high - low) * value / 100
        return round(wire) if abs(high - low) > 10 else round(wire, 3)

    def _decoded(self, name: str, raw: Any) -> Value | None:
        if isinstance(raw, str):
            try:
                raw = float(raw)
            except ValueError:
                return None
        if isinstance(raw, bool) or not isinstance(raw, (int, float)):
            return None
        if not (math.isfinite(raw) and abs(raw) < _ABSURD):
            return None
        value = float(raw)
        if self.scale is not None:
            value = 100 * (value - self.scale[0]) / (self.scale[1] - self.scale[0])
        elif self.unit == "fahrenheit":
            value = (value - 32) * 5 / 9
        elif self.unit == "mired":
            value = 1e6 / value if value > 0 else 0
        rules = PROPERTIES[name]
        value = round(value) if rules.whole else round(value, 2)
        return value if rules.low <= value <= rules.high else None


def at_path(said: Any, path: Path) -> Any:
    """What stands at the path of a parsed payload; None where nothing does."""
    for key in path:
        try:
            said = said[key]
        except (KeyError, IndexError, TypeError):
            return None
    return said


def _placed(fixed: dict[str, Any], path: Path, raw: Any) -> dict[str, Any]:
    """The fixed object with the value at the path (string keys only)."""
    made: dict[str, Any] = dict(fixed)
    if not path:
        return made
    inner = made
    for key in path[:-1]:
        below = inner.get(str(key))
        inner[str(key)] = inner = dict(below) if isinstance(below, dict) else {}
    inner[str(path[-1])] = raw
    return made


def _text(raw: Any) -> str:
    """As a bare payload: true, 21.5, 7, ON."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return str(raw)
