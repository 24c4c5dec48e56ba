"""The family's house, and somebody who talks in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iotcall.catalogue import Catalogue, load_catalogue
from iotcall.devices import Home, load_home
from iotcall.dialogue import DialogueSettings, read_dialogue
from iotcall.shipped import shipped
from tests.dialogue.house.talk import House

GRAMMAR = shipped("grammars") / "home"


@pytest.fixture(scope="session")
def family() -> Home:
    return load_home(shipped("devices") / "homes" / "family.toml")


@pytest.fixture(scope="session")
def home_catalogue() -> Catalogue:
    return load_catalogue(GRAMMAR)


@pytest.fixture(scope="session")
def home_settings(home_catalogue: Catalogue) -> DialogueSettings:
    path = GRAMMAR / "dialogue.toml"
    return read_dialogue(path.read_text(encoding="utf-8"), home_catalogue, path)


@pytest.fixture
def house(family: Home, home_settings: DialogueSettings, home_catalogue: Catalogue) -> House:
    return House(family, home_settings, home_catalogue)


@pytest.fixture
def house_of(home_settings: DialogueSettings, home_catalogue: Catalogue
             ) -> Callable[[Home], House]:
    return lambda home: House(home, home_settings, home_catalogue)
