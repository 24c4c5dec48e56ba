"""The family's house with a ``[safety]``, a clock on the wall and a keypad."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from iotcall.catalogue import Catalogue, load_catalogue
from iotcall.devices import Device, Home, load_home
from iotcall.devices.home_file import Safety
from iotcall.dialogue import Conversation, DialogueSettings, read_dialogue
from iotcall.dialogue.outcomes import Outcome
from iotcall.shipped import shipped
from tests.dialogue.house.talk import House

RIGHT = "2468"
HASH = "scrypt$14$8$1$" + "A" * 22 + "==$" + "A" * 43 + "="
"""Looks like one; the tests that enter a PIN bring their own `Pin`."""
NOON = datetime(2026, 6, 3, 12, 0)  # a Wednesday


class Remembered:
    """A `Pin` that costs no time."""

    def is_right(self, digits: str) -> bool:
        return digits == RIGHT


@cache
def grammar() -> tuple[Catalogue, DialogueSettings]:
    """The home catalogue, and how it speaks."""
    folder = shipped("grammars") / "home"
    catalogue, path = load_catalogue(folder), folder / "dialogue.toml"
    return catalogue, read_dialogue(path.read_text(encoding="utf-8"), catalogue, path)


@cache
def family_text() -> str:
    return (shipped("devices") / "homes" / "family.toml").read_text(encoding="utf-8")


def home_with(folder: Path, safety: str, scenes: str = "") -> Home:
    """The family's house as its file would say it."""
    path = folder / "home.toml"
    path.write_text(f"{family_text()}\n{scenes}\n[safety]\n{safety}\n", encoding="utf-8")
    return load_home(path)


class Guarded(House):
    """A house whose owner is careful."""

    def __init__(self, home: Home, **safety: Any) -> None:
        if safety:
            given = msgspec.convert(safety, Safety)
            home = msgspec.structs.replace(
                home, file=msgspec.structs.replace(home.file, safety=given))
        catalogue, settings = grammar()
        super().__init__(home, settings, catalogue)
        self.local = NOON
        self.conversation = Conversation(
            home, self.states, settings, catalogue, clock=lambda: self.now,
            local=lambda: self.local, pin=lambda _: Remembered())

    def enters(self, digits: str, site: str = "default") -> Outcome | None:
        return self.conversation.enter(self.sessions.of(site), digits)

    def becomes(self, home: Home) -> None:
        """Devices have come, gone or changed."""
        self.home = self.conversation.home = home
        self.states.follow(home)

    def without(self, name: str) -> None:
        """A device is gone."""
        self.becomes(msgspec.structs.replace(self.home, devices=tuple(
            device for device in self.home.devices if device.name != name)))

    def described(self, name: str, /, **anew: Any) -> Device:
        """A device is described anew."""
        device = self.home.device(name)
        assert device is not None
        changed = msgspec.structs.replace(device, **anew)
        self.becomes(msgspec.structs.replace(self.home, devices=tuple(
            changed if each.id == device.id else each for each in self.home.devices)))
        return changed
