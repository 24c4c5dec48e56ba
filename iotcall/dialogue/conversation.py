"""The dialogue of a hub: from an utterance to its outcome. Leaves out: decoding and sending.

    outcome = conversation.begin(session, utterance, session_id)       # answers to our question
    if outcome is None:
        decoding = conversation.decoded(session, utterance, student.decode)
        outcome = conversation.conclude(session, utterance, session_id, decoding)
    if isinstance(outcome, Plan):
        ...                                                            # send, wait for the devices
        reply = conversation.report(outcome, verdicts)

A PIN does not come as an utterance: `Conversation.enter` takes it from a keypad.

Every plan that comes out has passed the actuator gate. What calls mean is the catalogue's reader's
business: closed catalogues are read by the tables of their dialogue.toml, `home` by the house.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec
import structlog

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.devices import Device, DeviceStates, Home, Verdict
from iotcall.dialogue.closed import ClosedReader
from iotcall.dialogue.gate import Gate, locked
from iotcall.dialogue.hearing import Decode, Hearing
from iotcall.dialogue.house.reader import HouseReader
from iotcall.dialogue.notes import InMemory
from iotcall.dialogue.outcomes import Answer, NotUnderstood, Outcome, Plan, Question, Refusal
from iotcall.dialogue.phrasing import sentence, subject
from iotcall.dialogue.pins import Pin, ScryptPin, Tries
from iotcall.dialogue.rates import Rates
from iotcall.dialogue.reader import Reader
from iotcall.dialogue.session import Pending, Session
from iotcall.dialogue.settings import DialogueSettings
from iotcall.dialogue.thresholds import talk_of, thresholds_of
from iotcall.dialogue.words import has_any, is_only, is_said_twice, meant, words
from iotcall.runtime import Decoding, Turn
from iotcall.speech import is_number_word

log = structlog.get_logger()

_DIGITS_OF_A_PIN = 3
"""So many digits said while a PIN is waited for are taken for one."""

def _pin_of(home: Home) -> Pin:
    return ScryptPin(home.file.safety.pin_hash)


class Conversation:
    """Holds nothing but its surroundings: what is remembered is in the `Session`."""

    def __init__(self, home: Home, states: DeviceStates, settings: DialogueSettings,
                 catalogue: Catalogue, *, clock: Callable[[], float] = time.monotonic,
                 local: Callable[[], datetime] = datetime.now,
                 pin: Callable[[Home], Pin] = _pin_of, tries: Tries | None = None,
                 rates: Rates | None = None) -> None:
        """`clock` counts seconds, `local` tells the time of day at home, for quiet hours. Without
        `tries` and `rates` both are counted for this conversation alone."""
        self.home = home
        """May be replaced between two utterances: devices come and go."""
        self.states = states
        self._settings, self._clock, self._pin = settings, clock, pin
        self._talk = talk_of(catalogue, settings)
        self._tries = tries or Tries(InMemory(clock, most=1))
        self._gate = Gate(settings, states, local=local, tries=self._tries,
                          rates=rates or Rates.in_memory(clock))
        self._house = HouseReader(states, settings, settings.house) if settings.house else None
        self._hearing = Hearing(self._house, self.is_understood)
        self._reader: Reader = self._house or ClosedReader(states, settings, catalogue)

    def begin(self, session: Session, utterance: str, session_id: str | None, *,
              said_at: float | None = None) -> Outcome | None:
        """The outcome, where the utterance answers our question; else ask the student.

        A question is gone after the next utterance of its site, answered or not; one that waits for
        a PIN stays for a yes or digits, and is answered by neither. `said_at` is when the utterance
        arrived, on the monotonic clock: what was said before the question answers nothing.
        """
        session.let_go = None
        pending = session.take_pending(session_id, self._clock())
        if pending is None:
            return None
        said, settings = words(utterance), self._settings
        yes = is_only(said, settings.yes, settings.polite)
        no = is_only(said, settings.no, settings.polite)
        early = said_at is not None and said_at < pending.asked_at
        if pending.plan is None:
            if early:
                return None
            if no and settings.house:
                return Answer(reply=settings.replies.dropped, calls=pending.question.calls)
            calls = self._reader.answered(pending, utterance, self.home, session)
            if calls is None:
                return None
            # subtle: "all of them" or an earlier "all" must count, so both utterances are looked at
            return self._settle(session, utterance, session_id, calls,
                                meant=f"{pending.utterance}; {utterance}")
        if no:
            log.info("dialogue.declined", site_id=session.site_id)
            return Answer(reply=settings.replies.dropped, calls=pending.plan.calls)
        if pending.question.pin:
            digits = _digits(said)
            if yes or digits:
                session.ask(pending)
                return Question(reply=settings.replies.pin_by_voice, pin=True, private=digits)
        # subtle: "unlock it" is a yes too; told twice by a satellite it must not be its own
        may_agree = not (pending.question.pin or early or said == words(pending.said))
        if yes and may_agree:
            log.info("dialogue.confirmed", site_id=session.site_id)
            return self._once_more(session, pending, agreed=True)
        log.info("dialogue.confirmation_dropped", site_id=session.site_id)
        session.let_go, session.may_agree = pending, may_agree
        return None

    def enter(self, session: Session, digits: str, *, entered_at: float | None = None
              ) -> Outcome | None:
        """The outcome of digits that a keypad of the site sent; None: no question waits for them.

        It answers `Session.pending` in that one's own session. Digits without a question, or from
        before it, are not looked at; a question outlives a wrong try, but not its own time.
        """
        pending, now, entered = session.pending, self._clock(), digits.strip()
        if pending is None or pending.plan is None or not pending.question.pin or not entered:
            return None
        if now >= pending.deadline or (entered_at is not None and entered_at < pending.asked_at):
            return None
        settings, tries = self._settings, self._tries
        if tries.take():
            if self._pin(self.home).is_right(entered):
                tries.right()
                session.take_pending(pending.session_id, now)
                log.info("dialogue.pin_right", site_id=session.site_id)
                return self._once_more(session, pending, agreed=True, by_pin=True)
            log.warning("dialogue.pin_wrong", site_id=session.site_id)
        if not tries.locked_seconds:
            return Question(reply=settings.replies.pin_wrong, pin=True)
        session.take_pending(pending.session_id, now)
        return Refusal(reply=locked(tries, settings))

    def decoded(self, session: Session, utterance: str, decode: Decode) -> Decoding:
        """What was meant most likely in this home, see `Hearing`."""
        return self._hearing.decoded(session, utterance, self.home, decode)

    def is_understood(self, decoding: Decoding) -> bool:
        """Whether it is a call, sure enough of what is wanted, and that anything is."""
        return thresholds_of(self._settings).accept(decoding, self._talk)

    def conclude(self, session: Session, utterance: str, session_id: str | None,
                 decoding: Decoding) -> Outcome:
        """The outcome of what the student answered; remembered where it was understood."""
        settings = self._settings
        let_go, session.let_go = session.let_go, None
        if let_go and let_go.plan and (answer := self._slipped(let_go, utterance, decoding)):
            if answer == "no":
                return Answer(reply=settings.replies.dropped, calls=let_go.plan.calls)
            # subtle: "Suri" may be somebody's name and no "sure": the student must see a yes too,
            # or the wish itself; and a wish that is told twice is not its own yes, however spelt
            return self._once_more(session, let_go, agreed=(
                session.may_agree and _agrees(decoding.calls, let_go.plan.calls)
                and meant(words(utterance), decoding.slips) != words(let_go.said)))
        if not self.is_understood(decoding):
            log.info("dialogue.not_understood", site_id=session.site_id,
                     outcome=decoding.outcome, confidence=round(decoding.confidence, 3),
                     wish=round(decoding.wish(self._talk), 3))
            return NotUnderstood(reply=settings.replies.not_understood, calls=decoding.calls)
        if let_go and settings.house and any(call.name == "confirm" for call in decoding.calls):
            return self._yes_and(session, utterance, session_id, decoding, let_go)
        return self._settle(session, utterance, session_id, decoding.calls,
                            meant=decoding.as_read(utterance), said=decoding.as_read(utterance))

    def answers(self, session: Session, utterance: str, decoding: Decoding) -> bool:
        """Whether it is a yes or a no to what was asked, but for slips of the finger."""
        let_go = session.let_go
        return bool(let_go and self._slipped(let_go, utterance, decoding))

    def _slipped(self, let_go: Pending, utterance: str, decoding: Decoding) -> str:
        """"yes", "no", or nothing."""
        settings = self._settings
        if not let_go.plan or decoding.outcome != "call":
            return ""
        said = meant(words(utterance), decoding.slips)
        if decoding.slips and is_only(said, settings.no, settings.polite):
            return "no"
        # subtle: "nup" is a no, whatever else it is one slip from
        if has_any(words(utterance), settings.no):
            return ""
        is_twice = {call.name for call in decoding.calls} == {"confirm"} and is_said_twice(
            said, settings.yes, settings.polite)
        return "yes" if is_twice or (decoding.slips and is_only(
            said, settings.yes, settings.polite)) else ""

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
        offline = [d for d in refused if self.states.online(d) is False]
        replies = self._settings.replies
        groups = ((replies.offline, offline),
                  (replies.refused, [d for d in refused if d not in offline]),
                  (replies.unconfirmed, list(by_verdict.get("unconfirmed", {}).values())))
        said = [sentence(template.format(subject=subject(devices, self.home, self._settings)))
                for template, devices in groups if devices]
        acted = [plan.reply] if plan.commands else []
        if said:
            acted = [*said, replies.rest_done] if done else said
        return " ".join(each for each in (plan.held, *acted, *chores, plan.besides) if each)

    def before(self, session: Session, plan: Plan) -> None:
        """Remember how things stand before a plan is carried out, for `undo` and `again`."""
        if plan.commands:
            states = {each.id: self.states.of(each) for told in plan.commands
                      for each in (told.device, *told.device.members)}
            session.memory = session.memory.after(plan.calls, plan.commands, states)

    def _settle(self, session: Session, utterance: str, session_id: str | None,
                calls: tuple[ToolCall, ...], meant: str = "", said: str = "") -> Outcome:
        """Read, pass the gate, remember."""
        home = self.home  # another thread may replace it
        found = self._reader.read(calls, meant or utterance, home, session)
        plan: Plan | None = None
        if isinstance(found, Plan):
            plan, objection = self._gate.check(found, home, session.site_id)
            found = objection or plan
        if isinstance(found, Question):
            self._ask(session, found, plan, session_id, meant or utterance, said or utterance)
        if not (isinstance(found, Refusal) and found.misheard):
            session.remember(Turn(utterance, calls))
        return found

    def _ask(self, session: Session, question: Question, plan: Plan | None,
             session_id: str | None, meant: str, said: str) -> None:
        now = self._clock()
        session.ask(Pending(question, plan, session_id, meant,
                            now + self._settings.confirm_seconds, asked_at=now, said=said,
                            before=self._gate.state_of(question.confirms)))

    def _once_more(self, session: Session, pending: Pending, *, agreed: bool,
                   by_pin: bool = False) -> Outcome:
        """Let a plan that was asked about pass the gate as things are now."""
        assert pending.plan is not None
        plan, objection = self._gate.again(
            pending.plan, pending.question, pending.before, self.home, session.site_id,
            agreed=agreed, by_pin=by_pin)
        if isinstance(objection, Question):
            self._ask(session, objection, plan, pending.session_id, pending.utterance,
                      pending.said)
        return objection or plan

    def _yes_and(self, session: Session, utterance: str, session_id: str | None,
                 decoding: Decoding, let_go: Pending) -> Outcome:
        """A yes in words that are none of ours is asked about again; one beside another wish
        confirms nothing, and that is said."""
        rest = tuple(call for call in decoding.calls if call.name != "confirm")
        if not rest:
            return self._once_more(session, let_go, agreed=False)
        devices = {told.device.id: told.device for told in let_go.question.confirms}
        left = sentence(self._settings.replies.not_alone.format(
            subject=subject(tuple(devices.values()), self.home, self._settings)))
        found = self._settle(session, utterance, session_id, rest,
                             meant=decoding.as_read(utterance), said=decoding.as_read(utterance))
        if isinstance(found, Plan):
            return msgspec.structs.replace(found, besides=f"{found.besides} {left}".strip())
        return msgspec.structs.replace(found, reply=f"{left} {found.reply}".strip())


def _agrees(calls: Sequence[ToolCall], wished: Sequence[ToolCall]) -> bool:
    """Whether the calls say yes to the wish, or say it again."""
    known = {(call.name, call.arguments.get("action")) for call in wished}
    return all(call.name == "confirm" or (call.name, call.arguments.get("action")) in known
               for call in calls)


def _digits(said: tuple[str, ...]) -> bool:
    """Whether somebody seems to say a PIN aloud: 1234; one two three four."""
    return sum(len(word) if word.isdigit() else is_number_word(word)
               for word in said) >= _DIGITS_OF_A_PIN
