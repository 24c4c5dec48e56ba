"""The `home` catalogue: spans of what was said, resolved in the home as it is now.

Leaves out: what a single call means (resolver), the gate.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from iotcall.catalogue import ToolCall
from iotcall.devices import DeviceStates, Home
from iotcall.dialogue.house.alone import Alone
from iotcall.dialogue.house.clauses import clauses
from iotcall.dialogue.house.mending import Mender
from iotcall.dialogue.house.resolver import Resolved, is_beyond, resolve
from iotcall.dialogue.house.settings import House
from iotcall.dialogue.house.targets import Around
from iotcall.dialogue.house.weighing import Weigher
from iotcall.dialogue.outcomes import Answer, Plan, Question, Refusal
from iotcall.dialogue.session import Pending, Session
from iotcall.dialogue.settings import DialogueSettings
from iotcall.dialogue.words import is_only, without, words


class HouseReader:
    """See `iotcall.dialogue.reader.Reader`."""

    def __init__(self, states: DeviceStates, settings: DialogueSettings, house: House) -> None:
        self._states, self._settings, self._house = states, settings, house

    def read(self, calls: tuple[ToolCall, ...], meant: str, home: Home, session: Session
             ) -> Plan | Question | Refusal | Answer:
        found = self.resolved(calls, meant, home, session)
        session.memory = found.memory
        return found.outcome

    def resolved(self, calls: Sequence[ToolCall], meant: str, home: Home, session: Session
                 ) -> Resolved:
        """What the calls come to; changes nothing."""
        around = self._around(home, session, meant)
        mender = Mender(meant, session.history, self._house, self._settings)
        return resolve(mender.mended(calls), around, self._states)

    def weigher(self, utterance: str, home: Home, session: Session) -> Weigher:
        """For the answers of a student to the utterance."""
        return Weigher(utterance, home, self._house.nouns, lambda calls, meant: self.resolved(
            calls, meant, home, session).outcome,
            Alone(home, self._house, self._settings),
            lambda call, meant: is_beyond(call, self._around(home, session, meant)))

    def clauses(self, utterance: str) -> tuple[str, ...]:
        """Of three commands or more in one breath; empty: it is none."""
        return clauses(utterance, self._house.verbs, (*self._settings.polite,
                                                      *self._house.scene_words))

    def answered(self, pending: Pending, utterance: str, home: Home, session: Session
                 ) -> tuple[ToolCall, ...] | None:
        question, settings = pending.question, self._settings
        if not question.calls:
            return None
        said = without(words(utterance), settings.fillers)
        if not said:
            return None
        call = question.calls[question.at]
        arguments = _filled(question, said, utterance, call, settings)
        if arguments is None:
            return None
        calls = (*question.calls[:question.at], ToolCall(call.name, arguments),
                 *question.calls[question.at + 1:])
        # subtle: words that cannot be read as an answer are another wish: the student's to say
        outcome = resolve(calls, self._around(home, session), self._states).outcome
        if isinstance(outcome, Question) and outcome.reply == question.reply:
            return None
        if question.value_slot and isinstance(outcome, Refusal):
            return None
        return calls

    def _around(self, home: Home, session: Session, meant: str = "") -> Around:
        return Around(home=home, settings=self._settings, house=self._house,
                      memory=session.memory, here=_is_here(meant),
                      named=_named(meant, self._house),
                      site_room=home.satellites.get(session.site_id, ""))


def _is_here(meant: str) -> bool:
    """Whether "here" was said: the student leaves it out of its calls."""
    said = words(meant)
    return "here" in said or ("this", "room") in itertools.pairwise(said)


def _named(meant: str, house: House) -> frozenset[str]:
    """The properties whose words were said."""
    said = set(words(meant))
    return frozenset(name for name, known in house.property_words.items() if said & set(known))


def _filled(question: Question, said: tuple[str, ...], utterance: str, call: ToolCall,
            settings: DialogueSettings) -> dict[str, object] | None:
    """The call's arguments with what was said, where it is one of the question's answers."""
    if is_only(words(utterance), settings.everywhere, settings.fillers) and question.fills:
        return {**call.arguments, **_all_of(question)}
    exact = {(fill.slot, fill.value) for fill in question.fills
             if said == without(words(fill.said), settings.fillers)}
    partly = {(fill.slot, fill.value) for fill in question.fills
              if set(said) <= set(words(f"{fill.said} {fill.value}"))}
    for found in (exact, partly):
        if len(found) == 1:
            slot, value = next(iter(found))
            return {**call.arguments, slot: value}
    if question.value_slot:
        return {**call.arguments, question.value_slot: utterance}
    return None


def _all_of(question: Question) -> dict[str, str]:
    """All that was offered and nothing else: "the lamp" may mean more than the lamps of a room."""
    offered = dict.fromkeys(str(fill.value) for fill in question.fills if fill.slot == "target")
    return {"target": " and ".join(offered)} if offered else {"scope": "all"}
