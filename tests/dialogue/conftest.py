"""The shipped catalogue and demo home, and a student who answers what the test says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iotcall.catalogue import Catalogue, ToolCall, load_catalogue
from iotcall.devices import Command, DeviceStates, Home, load_home
from iotcall.dialogue import (
    Conversation,
    DialogueSettings,
    Outcome,
    Plan,
    SessionStore,
    read_dialogue,
)
from iotcall.runtime import Decoding
from iotcall.shipped import shipped


class Clock:
    """Monotonic seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Talk:
    """Says utterances to a conversation, as the hub does."""

    def __init__(self, home: Home, settings: DialogueSettings, catalogue: Catalogue) -> None:
        self.clock = Clock()
        self.home = home
        self.catalogue = catalogue
        self.states = DeviceStates(home)
        self.conversation = Conversation(home, self.states, settings, catalogue, clock=self.clock)
        self.sessions = SessionStore(settings, clock=self.clock)

    def says(
        self, utterance: str, *calls: ToolCall, site: str = "default",
        session: str | None = "session 1", confidence: float = 1.0,
    ) -> Outcome:
        """The outcome; `calls` is what the student would answer, which it may not be asked."""
        for call in calls:
            self.catalogue.check(call)
        at = self.sessions.of(site)
        begun = self.conversation.begin(at, utterance, session)
        if begun is not None:
            assert not calls, f"the student was not asked: {begun}"
            return begun
        assert calls or confidence < 1, "the student was asked"
        return self.conversation.conclude(at, utterance, session, Decoding(
            calls=calls, text="", confidence=confidence, outcome="call", decisions=1, tokens=1,
            passes=1, prefill_ms=0.0, decode_ms=0.0))

    def plans(self, utterance: str, *calls: ToolCall, **where: Any) -> list[tuple[str, str, Any]]:
        """(device, property, value) of the plan that it comes to."""
        outcome = self.says(utterance, *calls, **where)
        assert isinstance(outcome, Plan), outcome
        return told(outcome.commands)


def told(commands: tuple[Command, ...]) -> list[tuple[str, str, Any]]:
    return [(each.device.name, each.property, each.value) for each in commands]


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(shipped("grammars") / "smart_home")


@pytest.fixture(scope="session")
def dialogue_path() -> Path:
    return shipped("grammars") / "smart_home" / "dialogue.toml"


@pytest.fixture(scope="session")
def settings(catalogue: Catalogue, dialogue_path: Path) -> DialogueSettings:
    return read_dialogue(dialogue_path.read_text(), catalogue, dialogue_path)


@pytest.fixture(scope="session")
def home() -> Home:
    return load_home(shipped("devices") / "homes" / "demo.toml")


@pytest.fixture
def talk(home: Home, settings: DialogueSettings, catalogue: Catalogue) -> Talk:
    return Talk(home, settings, catalogue)


@pytest.fixture
def talk_in(settings: DialogueSettings, catalogue: Catalogue) -> Callable[[Home], Talk]:
    """The same in another home."""
    return lambda home: Talk(home, settings, catalogue)
