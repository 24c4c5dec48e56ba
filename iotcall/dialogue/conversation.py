"""The dialogue of a hub: from an utterance to its outcome. Leaves out: decoding and sending.

    outcome = conversation.begin(session, utterance, session_id)       # answers to our question
    if outcome is None:
        decoding = student.decode(session.history, utterance)
        outcome = conversation.conclude(session, utterance, session_id, decoding)
    if isinstance(outcome, Plan):
        ...                                                            # send, wait for the devices
        reply = conversation.report(outcome, acknowledged)

Every plan that comes out has passed the actuator gate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
import structlog

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.devices import Device, DeviceStates, Home, Verdict
from iotcall.dialogue.gate import pass_gate
from iotcall.dialogue.outcomes import Answer, NotUnderstood, Outcome, Plan, Question, Refusal
from iotcall.dialogue.phrasing import sentence, subject
from iotcall.dialogue.resolve import Resolved, Surroundings, resolve
from iotcall.dialogue.session import Pending, Session
from iotcall.dialogue.settings import DialogueSettings
from iotcall.dialogue.words import is_only, without, words
from iotcall.errors import CallError
from iotcall.runtime import Decoding, Turn
from iotcall.speech import is_number_word, numbers

log = structlog.get_logger()


class Conversation:
    """Holds nothing but its surroundings: what is remembered is in the `Session`."""

    def __init__(self, home: Home, states: DeviceStates, settings: DialogueSettings,
                 catalogue: Catalogue, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._around = Surroundings(home, states, settings, catalogue)
        self._clock = clock

    def begin(self, session: Session, utterance: str, session_id: str | None) -> Outcome | None:
        """The outcome, where the utterance answers our question; else ask the student.

        A question is gone after the next utterance of its site, answered or not.
        """
        pending = session.take_pending(session_id, self._clock())
        if pending is None:
            return None
        said, settings = words(utterance), self._around.settings
        if pending.plan is None:
            return self._filled(session, pending, utterance, session_id)
        if is_only(said, settings.yes, settings.polite):
            log.info("dialogue.confirmed", site_id=session.site_id)
            return pending.plan
        if is_only(said, settings.no, settings.polite):
            log.info("dialogue.declined", site_id=session.site_id)
            return Answer(reply=settings.replies.dropped, calls=pending.plan.calls)
        log.info("dialogue.confirmation_dropped", site_id=session.site_id)
        return None

    def conclude(self, session: Session, utterance: str, session_id: str | None,
                 decoding: Decoding) -> Outcome:
        """The outcome of what the student answered; remembered where it was understood."""
        settings = self._around.settings
        if (decoding.outcome != "call" or not decoding.calls
                or decoding.confidence < settings.fallback_below):
            log.info("dialogue.not_understood", site_id=session.site_id,
                     outcome=decoding.outcome, confidence=round(decoding.confidence, 3))
            return NotUnderstood(reply=settings.replies.not_understood, calls=decoding.calls)
        return self._settle(session, utterance, session_id, decoding.calls)

    def report(self, plan: Plan, verdicts: Sequence[Verdict]) -> str:
        """What to say of a plan that was carried out; one verdict for each of its commands."""
        home, settings = self._around.home, self._around.settings
        by_verdict: dict[Verdict, dict[str, Device]] = {}
        for told, verdict in zip(plan.commands, verdicts, strict=True):
            by_verdict.setdefault(verdict, {})[told.device.id] = told.device
        done = by_verdict.get("confirmed", {}) | by_verdict.get("accepted", {})
        refused = list(by_verdict.get("refused", {}).values())
        offline = [d for d in refused if self._around.states.online(d) is False]
        groups = ((settings.replies.offline, offline),
                  (settings.replies.refused, [d for d in refused if d not in offline]),
                  (settings.replies.unconfirmed, list(by_verdict.get("unconfirmed", {}).values())))
        said = [sentence(template.format(subject=subject(devices, home, settings)))
                for template, devices in groups if devices]
        if not said:
            return plan.reply
        return " ".join([*said, settings.replies.rest_done] if done else said)

    def _filled(self, session: Session, pending: Pending, utterance: str,
                session_id: str | None) -> Outcome | None:
        """The outcome when the utterance names just what the question asked for."""
        question, settings = pending.question, self._around.settings
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
            self._around.catalogue.check(call)
        except CallError:
            if not found or found[0][0] != question.number_slot:
                return None  # a number out of range goes on: `resolve` refuses it and says why
        # subtle: "all of them" or an earlier "all" must count, so both utterances are looked at.
        return self._settle(session, utterance, session_id, (call,),
                            meant=f"{pending.utterance}; {utterance}")

    def _settle(self, session: Session, utterance: str, session_id: str | None,
                calls: tuple[ToolCall, ...], meant: str = "") -> Outcome:
        """Resolve, merge, pass the gate, remember."""
        around = self._around
        site_room = around.home.satellites.get(session.site_id, "")
        found = _merged([resolve(call, meant or utterance, around, site_room) for call in calls],
                        calls)
        plan: Plan | None = None
        if isinstance(found, Plan):
            plan, objection = pass_gate(found, around.home, around.settings)
            found = objection or plan
        if isinstance(found, Question):
            session.ask(Pending(found, plan, session_id, meant or utterance,
                                self._clock() + around.settings.confirm_seconds))
        if not (isinstance(found, Refusal) and found.misheard):
            session.remember(Turn(utterance, calls))
        return found


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
