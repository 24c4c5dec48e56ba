"""Somebody who talks in a house, as the student would write it."""

from __future__ import annotations

from typing import Any

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.devices import Command, DeviceStates, Home
from iotcall.dialogue import Conversation, DialogueSettings, Plan, SessionStore
from iotcall.dialogue.outcomes import Outcome
from iotcall.runtime import Decoding


def call(name: str, /, **arguments: str) -> ToolCall:
    """A call; ``but`` stands for ``except``, which Python keeps for itself."""
    return ToolCall(name, {{"but": "except"}.get(key, key): value
                           for key, value in arguments.items()})


class House:
    """Says calls to a conversation, as the student would write them."""

    def __init__(self, home: Home, settings: DialogueSettings, catalogue: Catalogue) -> None:
        self.home, self.catalogue = home, catalogue
        self.now = 0.0
        self.states = DeviceStates(home)
        self.conversation = Conversation(home, self.states, settings, catalogue,
                                         clock=lambda: self.now)
        self.sessions = SessionStore(settings, clock=lambda: self.now)

    def says(self, *calls: ToolCall, site: str = "default", said: str = "...") -> Outcome:
        """The outcome of what the student writes; with `said` alone, of an answer of ours."""
        for each in calls:
            self.catalogue.check(each)
        at = self.sessions.of(site)
        begun = self.conversation.begin(at, said, None)
        if begun is None:
            begun = self.conversation.conclude(at, said, None, Decoding(
                calls=calls, text="", confidence=1.0, outcome="call", decisions=1, tokens=1,
                passes=1, prefill_ms=0.0, decode_ms=0.0))
        if isinstance(begun, Plan):
            self.conversation.before(at, begun)
        return begun

    def does(self, *calls: ToolCall, site: str = "default", said: str = "...",
             ) -> list[tuple[str, str, Any]]:
        """(device, property, value) of the plan that it comes to, which is then done."""
        outcome = self.says(*calls, site=site, said=said)
        assert isinstance(outcome, Plan), outcome
        for told in outcome.commands:
            self.obeys(told)
        return [(told.device.name, told.property, told.value) for told in outcome.commands]

    def names(self, *calls: ToolCall, site: str = "default") -> set[str]:
        """Names of the devices that are told something."""
        return {name for name, _, _ in self.does(*calls, site=site)}

    def reply(self, *calls: ToolCall, site: str = "default", said: str = "...") -> str:
        """What is said of what is not done."""
        outcome = self.says(*calls, site=site, said=said)
        assert not isinstance(outcome, Plan), outcome
        return outcome.reply

    def obeys(self, told: Command) -> None:
        """The device says what it was told."""
        self.tells(told.device.name, **{told.property: told.value})

    def tells(self, name: str, **state: Any) -> None:
        """A device says its state, as its driver would have written it."""
        device = self.home.device(name)
        assert device is not None, name
        for key, value in state.items():
            point = device.points[key]
            assert point.write is not None
            (publication,) = point.publications(key, value)
            topic = point.reads[0].topic
            payload = publication.payload
            if not payload.startswith(b"{"):  # Tasmota answers in JSON
                payload = b'{"%s":"%s"}' % (str(point.reads[0].path[0]).encode(), payload)
            self.states.feed(topic, payload)
