"""The dialogue of a hub: from an utterance to its outcome. Leaves out: decoding and sending.

    outcome = conversation.begin(session, utterance, session_id)       # answers to our question
    if outcome is None:
        decoding = student.decode(session.history, utterance)
        outcome = conversation.conclude(session, utterance, session_id, decoding)
    if isinstance(outcome, Plan):
        ...                                                            # send, wait for the devices
        reply = conversation.report(outcome, verdicts)

Every plan that comes out has passed the actuator gate. What calls mean is the catalogue's reader's
business: closed catalogues are read by the tables of their dialogue.toml, `home` by the house.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.devices import Device, DeviceStates, Home, Verdict
from iotcall.dialogue.closed import ClosedReader
from iotcall.dialogue.gate import pass_gate
from iotcall.dialogue.house.reader import HouseReader
from iotcall.dialogue.outcomes import Answer, NotUnderstood, Outcome, Plan, Question, Refusal
from iotcall.dialogue.phrasing import sentence, subject
from iotcall.dialogue.reader import Reader
from iotcall.dialogue.session import Pending, Session
from iotcall.dialogue.settings import DialogueSettings
from iotcall.dialogue.words import is_only, words
from iotcall.runtime import Decoding, Turn

log = structlog.get_logger()


class Conversation:
    """Holds nothing but its surroundings: what is remembered is in the `Session`."""

    def __init__(self, home: Home, states: DeviceStates, settings: DialogueSettings,
                 catalogue: Catalogue, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.home = home
        """May be replaced between two utterances: devices come and go."""
        self._states, self._settings, self._clock = states, settings, clock
        self._reader: Reader = (HouseReader(states, settings, settings.house) if settings.house
                                else ClosedReader(states, settings, catalogue))

    def begin(self, session: Session, utterance: str, session_id: str | None) -> Outcome | None:
        """The outcome, where the utterance answers our question; else ask the student.

        A question is gone after the next utterance of its site, answered or not.
        """
        pending = session.take_pending(session_id, self._clock())
        if pending is None:
            return None
        said, settings = words(utterance), self._settings
        yes = is_only(said, settings.yes, settings.polite)
        no = is_only(said, settings.no, settings.polite)
        if pending.plan is None:
            if no and settings.house:
                return Answer(reply=settings.replies.dropped, calls=pending.question.calls)
            calls = self._reader.answered(pending, utterance, self.home, session)
            if calls is None:
                return None
            # subtle: "all of them" or an earlier "all" must count, so both utterances are looked at
            return self._settle(session, utterance, session_id, calls,
                                meant=f"{pending.utterance}; {utterance}")
        if yes:
            log.info("dialogue.confirmed", site_id=session.site_id)
            return pending.plan
        if no:
            log.info("dialogue.declined", site_id=session.site_id)
            return Answer(reply=settings.replies.dropped, calls=pending.plan.calls)
        log.info("dialogue.confirmation_dropped", site_id=session.site_id)
        return None

    def conclude(self, session: Session, utterance: str, session_id: str | None,
                 decoding: Decoding) -> Outcome:
        """The outcome of what the student answered; remembered where it was understood."""
        settings = self._settings
        if (decoding.outcome != "call" or not decoding.calls
                or decoding.confidence < settings.fallback_below):
            log.info("dialogue.not_understood", site_id=session.site_id,
                     outcome=decoding.outcome, confidence=round(decoding.confidence, 3))
            return NotUnderstood(reply=settings.replies.not_understood, calls=decoding.calls)
        return self._settle(session, utterance, session_id, decoding.calls)

    def report(self, plan: Plan, verdicts: Sequence[Verdict], *,
               chores: Sequence[str] = ()) -> str:
        """What to say of a plan that was carried out; one verdict for each of its commands.

        `chores` are what came of the plan's chores, in words.
        """
        by_verdict: dict[Verdict, dict[str, Device]] = {}
        for told, verdict in zip(plan.commands, verdicts, strict=True):
            by_verdict.setdefault(verdict, {})[told.device.id] = told.device
        done = by_verdict.get("confirmed", {}) | by_verdict.get("accepted", {})
        refused = list(by_verdict.get("refused", {}).values())
        offline = [d for d in refused if self._states.online(d) is False]
        replies = self._settings.replies
        groups = ((replies.offline, offline),
                  (replies.refused, [d for d in refused if d not in offline]),
                  (replies.unconfirmed, list(by_verdict.get("unconfirmed", {}).values())))
        said = [sentence(template.format(subject=subject(devices, self.home, self._settings)))
                for template, devices in groups if devices]
        acted = [plan.reply] if plan.commands else []
        if said:
            acted = [*said, replies.rest_done] if done else said
        return " ".join(each for each in (*acted, *chores, plan.besides) if each)

    def before(self, session: Session, plan: Plan) -> None:
        """Remember how things stand before a plan is carried out, for `undo` and `again`."""
        if plan.commands:
            states = {told.device.id: self._states.of(told.device) for told in plan.commands}
            session.memory = session.memory.after(plan.calls, plan.commands, states)

    def _settle(self, session: Session, utterance: str, session_id: str | None,
                calls: tuple[ToolCall, ...], meant: str = "") -> Outcome:
        """Read, pass the gate, remember."""
        found = self._reader.read(calls, meant or utterance, self.home, session)
        plan: Plan | None = None
        if isinstance(found, Plan):
            plan, objection = pass_gate(found, self.home, self._settings)
            found = objection or plan
        if isinstance(found, Question):
            session.ask(Pending(found, plan, session_id, meant or utterance,
                                self._clock() + self._settings.confirm_seconds))
        if not (isinstance(found, Refusal) and found.misheard):
            session.remember(Turn(utterance, calls))
        return found
