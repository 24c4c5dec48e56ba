"""One utterance after the other: understand it, do it, say so. Leaves out: queue and connection.

The one thread that uses the student and the sessions.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import structlog

from iotcall.dialogue import (
    Answer,
    Conversation,
    DialogueSettings,
    NotUnderstood,
    Plan,
    Question,
    Refusal,
    Session,
)
from iotcall.dialogue import Outcome as Understood
from iotcall.errors import StoreError
from iotcall.hub.actuator import Actuator
from iotcall.hub.exchange import NotPermitted, Undelivered
from iotcall.hub.fallback import Router
from iotcall.hub.inbox import Inbox, Objection, Waiting
from iotcall.hub.ledger import Ledger
from iotcall.hub.link import Link
from iotcall.hub.logs import fault
from iotcall.hub.performer import Performer
from iotcall.hub.responses import BUSY, answers, objections
from iotcall.hub.settings import HubSettings
from iotcall.hub.shift import Shift
from iotcall.hub.sites import Sites
from iotcall.hub.topics import Heard, Malformed, Message, intent, say
from iotcall.hub.turn import CommandRecord, LatencyRecord, Outcome, TurnRecord
from iotcall.hub.understanding import Understander, Understanding
from iotcall.store import Entry, Store

_TEXTS: dict[Objection, str] = {
    "busy": BUSY,
    "malformed": "I could not read that message.",
}
_FAILED = "Sorry, something went wrong."

_log = structlog.get_logger(__name__)


class Worker:
    """Handles utterances until the inbox is stopped."""

    def __init__(
        self,
        settings: HubSettings,
        link: Link,
        actuator: Actuator,
        conversation: Conversation,
        dialogue: DialogueSettings,
        student: Understander,
        store: Store | None = None,
        router: Router | None = None,
        on_turn: Callable[[TurnRecord], None] = lambda record: None,
        on_refused: Callable[[TurnRecord], None] = lambda record: None,
        on_routed: Callable[[], None] = lambda: None,
        on_store_fault: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_turn` hears every turn, but `on_refused` those of what will not be handled, on the
        network thread, which must not wait.
        `on_routed` hears that the bigger model is asked, `on_store_fault` that something could not
        be kept."""
        self._settings = settings
        self._link = link
        self._conversation = conversation
        self._dialogue = dialogue
        self._performer = Performer(actuator, conversation.states, dialogue, store)
        self._sites = Sites(dialogue, lambda: conversation.home, store)
        self._shift = Shift(settings, link, store)
        self._understanding = Understanding(
            conversation, student, not_understood=dialogue.replies.not_understood,
            decode_seconds=settings.decode_seconds, router=router, on_wait=self._bridge)
        self._on_turn, self._on_refused = on_turn, on_refused
        self._on_routed, self._on_store_fault = on_routed, on_store_fault
        self._wait_reply = router.wait_reply if router else ""

    def run(self, inbox: Inbox, ledger: Ledger) -> None:
        """Body of the worker thread."""
        self._reconcile()
        while (waiting := inbox.take()) is not None:
            if self._is_finished_in_turn(waiting, ledger):
                self._prepare(waiting.heard.site_id, inbox)

    def object_to(self, asked: Heard | Malformed, why: Objection) -> list[Message]:
        """The answer to what will not be handled. For the network thread."""
        record = self._turn(asked, why, _TEXTS[why])
        self._on_refused(record)
        return [*objections(asked, why, _TEXTS[why]), record.message(self._settings.client_id)]

    def came_up(self) -> None:
        """The broker has taken our birth: what it kept for us has arrived, or is arriving."""
        self._sites.came_up()

    def break_off(self, session_id: str) -> None:
        """Nobody waits for an answer in this Hermes session any more. For the network thread."""
        self._understanding.break_off(session_id)

    def inherit(self, run: str) -> None:
        """Settle what another worker has left open that is gone. For the heir's thread."""
        self._settle_left(run)

    def _reconcile(self) -> None:
        """Settle what an earlier run has left open, before anything new is done."""
        try:
            if self._sites.shared:
                return  # what is open may be in another worker's hand
            if not self._performer.is_open or not self._link.wait_up(
                    time.monotonic() + self._settings.session_expiry_seconds):
                return
            self._settle_left()
        except Exception as error:  # as in _is_finished: the next utterance may go well
            _log.error("journal.unsettled", fault=fault(error))

    def _settle_left(self, run: str | None = None) -> None:
        unknown = self._performer.reconcile(
            lambda: self._conversation.home,
            time.monotonic() + self._settings.acknowledge_seconds, run=run)
        for site, names in unknown.items():
            _log.warning("commands.unconfirmed", site_id=site, devices=names)
            self._link.send(say(site, self._dialogue.replies.interrupted))

    def _prepare(self, site_id: str, inbox: Inbox) -> None:
        """Let the student read what was just said and done, before the site's next utterance."""
        try:
            self._understanding.prepare(self._sites.of(site_id), lambda: not inbox.is_idle)
        except Exception as error:  # as in _is_finished: the next utterance may go well
            _log.error("student.unprepared", fault=fault(error))

    def _is_finished_in_turn(self, waiting: Waiting, ledger: Ledger) -> bool:
        """As `_is_finished`, while no other worker serves the site; tells the ledger."""
        expires_at = waiting.received_at + self._settings.session_expiry_seconds
        try:
            self._link.wait_up(expires_at)
            with self._shift.turn(waiting.heard.site_id, expires_at):
                if not self._is_finished(waiting):
                    return False
                ledger.handled(waiting.entry)
                self._shift.settled(waiting)
        except StoreError as error:
            _log.error("utterance.no_turn", site_id=waiting.heard.site_id, reason=str(error))
            self._apologise(waiting)
            ledger.handled(waiting.entry)
        return True

    def _is_finished(self, waiting: Waiting) -> bool:
        """Whether nothing is left to do; False leaves it with the broker, for the next start."""
        expires_at = waiting.received_at + self._settings.session_expiry_seconds
        up = self._link.wait_up(expires_at)
        if self._link.closing:
            return False
        if not up or time.monotonic() >= expires_at:
            _log.warning("utterance.expired", site_id=waiting.heard.site_id)
            return True
        try:
            self._handle(waiting, expires_at)
        except Undelivered as error:
            if self._link.closing:
                return False
            _log.error("utterance.unanswered", reason=str(error))
        except Exception as error:  # an utterance must not end the hub: answered, not retried
            _log.error("utterance.failed", fault=fault(error))
            _log.debug("utterance.failed", exc_info=True)
            self._apologise(waiting)
        return True

    def _apologise(self, waiting: Waiting) -> None:
        """Say that a fault of ours has ended the utterance."""
        heard, record = waiting.heard, self._turn(waiting.heard, "failed", _FAILED)
        if waiting.spoken is not None:
            waiting.spoken(record)
        for message in () if waiting.spoken else objections(heard, "failed", _FAILED):
            self._link.send(message)
        self._link.send(self._noted(record))

    def _handle(self, waiting: Waiting, expires_at: float) -> None:
        taken = self._shift.taken(waiting)
        if taken is None:
            _log.info("voice.echo_ignored", topic=waiting.topic, site_id=waiting.heard.site_id)
            return
        with self._sites.in_hand(taken.heard.site_id) as session:
            self._handle_in(session, taken, expires_at)

    def _handle_in(self, session: Session, waiting: Waiting, expires_at: float) -> None:
        if waiting.digits is not None and session.pending:  # it answers in the question's session
            waiting = msgspec.structs.replace(waiting, heard=msgspec.structs.replace(
                waiting.heard, session_id=session.pending.session_id))
        heard = waiting.heard
        if not waiting.first_delivery and (earlier := self._earlier(waiting.key)):
            self._tell_earlier(waiting, earlier, expires_at)
            return
        understood = self._understanding.understand(session, waiting)
        if understood is None:
            _log.warning("keypad.unasked", site_id=heard.site_id)
            return
        found, decoding = understood
        if self._understanding.is_broken_off(heard.session_id):
            _log.info("utterance.broken_off", site_id=heard.site_id)
            return  # nobody waits: nothing is done and nothing is said
        confidence = decoding.confidence if decoding else None
        # One deadline from here to the last command: nothing may move long after it was said.
        began = time.monotonic()
        act_until = min(expires_at, began + self._settings.command_seconds)
        misheard = isinstance(found, NotUnderstood) or (
            isinstance(found, Refusal) and found.misheard)
        if not misheard and (decoding or not isinstance(found, Answer)):
            for call in found.calls:  # not those to which a no was said
                self._tell(intent(heard, call, 1.0 if confidence is None else confidence),
                           act_until, needed=False)
        commands, outcome, text = self._carry_out(session, found, waiting, act_until)
        acted_at = time.monotonic()
        tell_until = max(expires_at, acted_at + self._settings.connect_seconds)
        self._understanding.note(heard.site_id, found)
        self._sites.keep(session)
        latency = LatencyRecord(
            decode=round(decoding.prefill_ms + decoding.decode_ms, 2) if decoding else 0.0,
            command=round(1000 * (acted_at - began), 2) if commands else 0.0,
            total=round(1000 * (time.monotonic() - waiting.received_at), 2),
        )
        is_private = isinstance(found, Question) and found.private
        record = TurnRecord(
            utterance="" if is_private else heard.text, site_id=heard.site_id,
            session_id=heard.session_id, calls=found.calls, confidence=confidence,
            outcome=outcome, commands=commands, reply=text, latency_ms=latency,
        )
        self._answer(waiting, record, tell_until)
        self._tell(self._noted(record), tell_until)
        _log.info("utterance.handled", site_id=heard.site_id, outcome=outcome,
                  calls=[call.name for call in found.calls], total_ms=latency.total)

    def _earlier(self, key: str) -> Entry | None:
        """What became of an utterance that was begun before."""
        earlier = self._performer.earlier(key)
        if earlier is None or not earlier.is_open or not self._sites.shared:
            return earlier
        # We hold its site, so whoever began it is gone or too late.
        self._performer.settle(earlier.id, lambda: self._conversation.home,
                               time.monotonic() + self._settings.acknowledge_seconds)
        return self._performer.earlier(key)

    def _bridge(self, waiting: Waiting) -> None:
        """Say something while the bigger model thinks."""
        self._on_routed()
        if self._wait_reply and waiting.spoken is None and waiting.heard.answer_to is None:
            self._link.send(say(waiting.heard.site_id, self._wait_reply))

    def _answer(self, waiting: Waiting, record: TurnRecord, deadline: float) -> None:
        """Say what came of it, the way it was asked."""
        if waiting.spoken is not None:
            waiting.spoken(record)
        for message in answers(waiting.heard, record) if waiting.spoken is None else ():
            self._tell(message, deadline)

    def _carry_out(
        self, session: Session, found: Understood, waiting: Waiting, deadline: float
    ) -> tuple[tuple[CommandRecord, ...], Outcome, str]:
        """The commands that were given, what it came to, what to say."""
        if not isinstance(found, Plan):
            return (), _OUTCOMES[type(found)], found.reply
        self._conversation.before(session, found)
        done = self._performer.perform(
            found, key=waiting.key, first_delivery=waiting.first_delivery,
            site=session.site_id, session_id=waiting.heard.session_id, deadline=deadline,
            on_begun=lambda: self._sites.share(session))  # a yes counts once, whoever dies
        verdicts = [told.verdict for told in done.commands]
        outcome: Outcome = next((worst for worst in ("unconfirmed", "refused")
                                 if worst in verdicts), "done")
        text = self._conversation.report(found, verdicts, chores=done.chores)
        if done.store_fault:
            self._on_store_fault()
            text = f"{text} {self._dialogue.replies.not_kept}".strip()
        return done.commands, outcome, text

    def _tell_earlier(self, waiting: Waiting, earlier: Entry, deadline: float) -> None:
        """Answer an utterance that was done, or begun, before the hub ended: nothing is sent."""
        replies = self._dialogue.replies
        steps = earlier.steps
        sure = all(step.verdict in ("confirmed", "accepted") for step in steps)
        text = replies.done_before if sure else replies.interrupted
        _log.warning("utterance.redelivered", site_id=waiting.heard.site_id, sure=sure)
        heard = waiting.heard
        outcome: Outcome = "done" if sure else "unconfirmed"
        record = self._turn(heard, outcome, text)
        self._answer(waiting, record, deadline)
        self._tell(self._noted(record), deadline)
        _log.info("utterance.handled", site_id=heard.site_id, outcome=outcome, calls=[])

    def _tell(self, message: Message, deadline: float, *, needed: bool = True) -> None:
        """Publish; what the broker forbids is logged and not worth losing the rest for."""
        try:
            self._link.publish(message, deadline)
        except Undelivered as error:
            if not isinstance(error, NotPermitted) and (needed or self._link.closing):
                raise
            _log.error("publish.undelivered", reason=str(error))

    def _noted(self, record: TurnRecord) -> Message:
        """The publication of a turn, which is told to whoever watches too."""
        self._on_turn(record)
        return record.message(self._settings.client_id)

    def _turn(self, asked: Heard | Malformed, outcome: Outcome, text: str) -> TurnRecord:
        """Of an utterance that came to nothing."""
        return TurnRecord(
            utterance=asked.text if isinstance(asked, Heard) else "",
            site_id=asked.site_id or "",
            session_id=asked.session_id, calls=(), confidence=None, outcome=outcome, commands=(),
            reply=text, latency_ms=LatencyRecord(decode=0.0, command=0.0, total=0.0),
        )


_OUTCOMES: dict[type, Outcome] = {
    Question: "question", Refusal: "refused", Answer: "answer", NotUnderstood: "not_recognised",
}
