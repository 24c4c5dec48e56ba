"""Closed catalogues: every value is in the schema, and dialogue.toml ties tools to devices.

Leaves out: what a single call means (resolve), the gate.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.devices import DeviceStates, Home
from iotcall.dialogue.outcomes import Answer, Plan, Question, Refusal
from iotcall.dialogue.resolve import Resolved, Surroundings, resolve
from iotcall.dialogue.session import Pending, Session
from iotcall.dialogue.settings import DialogueSettings
from iotcall.dialogue.words import is_only, without, words
from iotcall.errors import CallError
from iotcall.speech import is_number_word, numbers


class ClosedReader:
    """See `Reader`."""

    def __init__(self, states: DeviceStates, settings: DialogueSettings,
                 catalogue: Catalogue) -> None:
        self._states, self._settings, self._catalogue = states, settings, catalogue

    def read(self, calls: tuple[ToolCall, ...], meant: str, home: Home, session: Session
             ) -> Resolved:
        around = Surroundings(home, self._states, self._settings, self._catalogue)
        site_room = home.satellites.get(session.site_id, "")
        return _merged([resolve(call, meant, around, site_room) for call in calls], calls)

    def answered(self, pending: Pending, utterance: str, home: Home, session: Session
                 ) -> tuple[ToolCall, ...] | None:
        question, settings = pending.question, self._settings
        if len(question.calls) != 1:
            return None
        call = question.calls[0]
        said = without(words(utterance), settings.fillers)
        found = [(fill.slot, fill.value) for fill in question.fills
                 if said and said == without(words(fill.said), settings.fillers)]
        told = numbers(utterance)
        if not found and question.number_slot and len(told) == 1 and said and (
                all(map(is_number_word, said))):
            number = told[0]
            found = [(question.number_slot, int(number) if number.is_integer() else number)]
        if found:
            slot, value = found[0]
            call = ToolCall(call.name, {**call.arguments, slot: value})
        elif not (said and question.fills and is_only(said, settings.everywhere, ())):
            return None
        try:
            self._catalogue.check(call)
        except CallError:
            if not found or found[0][0] != question.number_slot:
                return None  # a number out of range goes on: `resolve` refuses it and says why
        return (call,)


def _merged(found: Sequence[Resolved], calls: tuple[ToolCall, ...]) -> Resolved:
    """Several calls of one utterance: all or nothing, the first obstacle is said."""
    for each in found:
        if isinstance(each, (Refusal, Question)):
            alone = len(calls) == 1
            return each if alone else msgspec.structs.replace(each, calls=calls)
    reply = " ".join(each.reply for each in found)
    commands = tuple(told for each in found if isinstance(each, Plan) for told in each.commands)
    if commands:
        return Plan(commands=commands, reply=reply, calls=calls)
    return Answer(reply=reply, calls=calls)
