"""One announced entity's config, read key by key. Leaves out: what the keys make together.

Topics are checked, payload words are the config's own, and what is not understood is remembered by
the name of its key. Source: https://www.home-assistant.io/integrations/mqtt/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from iotcall.devices.discovery.abbreviations import ABBREVIATIONS
from iotcall.devices.discovery.base import clean_name, is_topic, number
from iotcall.devices.discovery.homeassistant_templates import reading_of, said_for, text_of
from iotcall.devices.points import Point, Read, Scalar, Write
from iotcall.devices.properties import Kind

MAX_WORDS = 32
"""Of one list: modes, presets, features."""
_MAX_PAYLOAD = 512
"""Characters of a payload word, which may be a small JSON object."""
_WORD_LENGTH = 32

_TOPICS = {key for key in ABBREVIATIONS.values() if key.endswith("_topic")} - {
    "availability_topic", "json_attributes_topic"}
Words = Iterable[tuple[str | None, str]]
"""(word of the config, our word)."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What an entity is; without points it is not understood."""

    kind: Kind
    points: dict[str, Point] = {}
    label: str = ""
    hidden: tuple[str, ...] = ()
    """Keys, or features, that are not understood."""


class Config:
    """Reads a config with long keys; used for one entity and thrown away."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._said = said
        self._known: set[str] = set()  # topics that were read
        self._refused: dict[str, None] = {}  # in order

    def has(self, key: str) -> bool:
        """Whether the key is said, and not null."""
        return self._said.get(key) is not None

    def flag(self, key: str, default: bool) -> bool:
        """A boolean, which may be written as a word."""
        said = self._said.get(key)
        word = payload_of(said) if isinstance(said, (str, int)) else None
        return {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False,
                "no": False, "0": False}.get((word or "").lower(), default)

    def number(self, key: str, default: float | None = None) -> float | None:
        """A finite number, which may be written as text."""
        said = self._said.get(key)
        if isinstance(said, str):
            try:
                said = float(said[:_WORD_LENGTH])
            except ValueError:
                return default
        found = number(said)
        return default if found is None else found

    def word(self, key: str, default: str | None = None) -> str | None:
        """A payload; None where the config says null, or what can be no payload."""
        said = self._said.get(key, default)
        word = payload_of(said)
        if word is None and said is not None:
            self.refuse(key)
        return word

    def words(self, key: str) -> tuple[str, ...]:
        """A list of words, or a single one."""
        said = self._said.get(key)
        listed = said if isinstance(said, list) else [said]
        found = (payload_of(each) for each in listed[:MAX_WORDS])
        return tuple(dict.fromkeys(each for each in found if each is not None))

    def named(self, key: str) -> tuple[tuple[str, str], ...]:
        """A list of the device's own words: (its word, ours)."""
        made: dict[str, str] = {}
        for each in self.words(key):
            made.setdefault(clean_name(each).lower()[:_WORD_LENGTH].strip(), each)
        return tuple((each, ours) for ours, each in made.items() if ours)

    def label(self) -> str:
        """The device class, as a spoken sort of the kind."""
        said = self._said.get("device_class")
        return clean_name(said).lower()[:_WORD_LENGTH] if isinstance(said, str) else ""

    def mentions(self, key: str, variable: str) -> bool:
        """Whether a command template names the variable."""
        return f"{{{{ {variable} " in " ".join(str(self._said.get(key, "")).split())

    def topic(self, key: str) -> str | None:
        """A topic; None where there is none that can be used."""
        self._known.add(key)
        said = self._said.get(key)
        if said is None or is_topic(said):
            return said
        self.refuse(key)
        return None

    def reads(self, key: str, template: str, words: Words | None = None, *, color: bool = False,
              default: str = "", inside: str = "") -> tuple[Read, ...]:
        """Where a value is said; `words` where it is one.

        `default`: the key of the template that holds where there is none of its own; `inside`: the
        value may stand below this key of a JSON object, too.
        """
        topic = self.topic(key)
        if topic is None:
            return ()
        said = self._said.get(template if template in self._said else default)
        reading = reading_of(said, numeric=words is None and not color)
        if reading is None or (color and reading.case):
            self.refuse(key)
            return ()
        known = said_for(reading, words) if words is not None else {}
        if words is not None and not known:
            self.refuse(key)
            return ()
        paths = (reading.path, (*reading.path, inside)) if inside else (reading.path,)
        return tuple(Read(topic=topic, path=path, words=known) for path in paths)

    def write(self, key: str, template: str = "", words: Words | None = None, *,
              slot: str = "value", whole: bool = True) -> Write | None:
        """Where a value is told; None where it cannot be.

        `slot` and `whole`: see `text_of`; a template of the whole config holds for all its words.
        """
        topic = self.topic(key)
        if topic is None:
            return None
        text = text_of(self._said.get(template), slot=slot, whole=whole)
        known: dict[str, Scalar] = {ours: said for said, ours in words or () if said is not None}
        if text is None or (words is not None and not known):
            self.refuse(key)
            return None
        return Write(topic=topic, words=known, text=text)

    def refuse(self, name: str) -> None:
        """Something of it is not understood."""
        self._refused[name] = None

    def ignore(self, *keys: str) -> None:
        """Topics that are another form of what is understood."""
        self._known.update(keys)

    def part(self, kind: Kind, points: Mapping[str, Point | None], label: str = "") -> Part:
        """The entity, with those points that there are, and what was left over."""
        left = sorted(key for key in self._said if key in _TOPICS and key not in self._known)
        return Part(kind=kind, label=label,
                    points={name: point for name, point in points.items() if point is not None},
                    hidden=tuple(dict.fromkeys((*self._refused, *left)))[:MAX_WORDS])


def payload_of(said: Any) -> str | None:
    """What is sent for a scalar of a config, as Home Assistant makes text of it: true -> True."""
    if isinstance(said, bool):
        return str(said)
    if isinstance(said, str):
        return said if 0 < len(said) <= _MAX_PAYLOAD and said.isprintable() else None
    return None if number(said) is None else str(said)


def point(write: Write | None, reads: tuple[Read, ...], **more: Any) -> Point | None:
    """The point; None where it can neither be told nor known."""
    return Point(write=write, reads=reads, **more) if write or reads else None


def stepped(count: float) -> dict[str, float]:
    """What a number in percent is rounded to, where the device has few whole steps."""
    return {"step": 100 / count} if 1 <= count < 50 else {}
