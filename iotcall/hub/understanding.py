"""From an utterance to its outcome: our own questions, the student, the bigger model.

Leaves out: the dialogue itself (conversation), carrying anything out. Used by the worker only.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from iotcall.dialogue import Answer, Conversation, NotUnderstood, Question, Session
from iotcall.dialogue import Outcome as Understood
from iotcall.hub.fallback import Router
from iotcall.hub.inbox import Waiting
from iotcall.runtime import Decoding, Others, Turn, decode_weighed
from iotcall.speech import ValuePrior

_REMEMBERED = 64  # sites and sessions
_ASKED_SECONDS = 30.0
"""How long a site that was not understood counts as asked to say it again."""


class Understander(Protocol):
    """What is needed of a student; `iotcall.runtime.Student` is one."""

    @property
    def prior(self) -> ValuePrior | None:
        """By which its likeliest answers are weighed."""

    def decode(self, history: Sequence[Turn], utterance: str, *, site: str, deadline: float,
               cancelled: Callable[[], bool], others: Others | None) -> Decoding:
        """The calls of an utterance after the given turns."""

    def prepare(self, history: Sequence[Turn], *, site: str,
                cancelled: Callable[[], bool]) -> None:
        """Get ready for the site's next utterance, while nobody waits."""

    def expect_names(self, names: Iterable[str]) -> None:
        """Take what things in the home are called now."""


class Understanding:
    """Who is asked, in which order."""

    def __init__(self, conversation: Conversation, student: Understander, *, not_understood: str,
                 decode_seconds: float, router: Router | None = None,
                 on_wait: Callable[[Waiting], None] = lambda waiting: None) -> None:
        """`on_wait` hears an utterance that the bigger model is asked about."""
        self._conversation, self._student, self._router = conversation, student, router
        self._not_understood = not_understood
        self._decode_seconds, self._on_wait = decode_seconds, on_wait
        self._asked_at: OrderedDict[str, float] = OrderedDict()  # site -> when it heard a question
        self._puzzled_at: OrderedDict[str, float] = OrderedDict()  # site -> when it was asked back
        self._broken_off: deque[str] = deque(maxlen=_REMEMBERED)

    def break_off(self, session_id: str) -> None:
        """Nobody waits for an answer in this session any more. For the network thread."""
        self._broken_off.append(session_id)

    def is_broken_off(self, session_id: str | None) -> bool:
        """Whether somebody has ended the session before its answer."""
        return session_id in self._broken_off

    def understand(self, session: Session, waiting: Waiting
                   ) -> tuple[Understood, Decoding | None] | None:
        """The outcome, and what the student said where it was asked; None: digits that nothing
        waits for."""
        heard = waiting.heard
        if waiting.digits is not None:
            entered = self._conversation.enter(session, waiting.digits,
                                               entered_at=waiting.received_at)
            return (entered, None) if entered else None
        if waiting.received_at < self._asked_at.get(heard.site_id, 0.0):
            # subtle: said before our question was: a yes among kept messages must open no door.
            session.take_pending(heard.session_id, time.monotonic())
        elif found := self._conversation.begin(session, heard.text, heard.session_id,
                                               said_at=waiting.received_at):
            return found, None
        deadline = time.monotonic() + self._decode_seconds

        def decode(history: Sequence[Turn], utterance: str, *, others: Others | None) -> Decoding:
            return decode_weighed(
                self._student, history, utterance, site=heard.site_id, others=others,
                deadline=deadline, cancelled=lambda: self.is_broken_off(heard.session_id))

        decoding = self._conversation.decoded(session, heard.text, decode)
        if decoding.outcome != "cancelled" and not (
                self._conversation.is_understood(decoding)
                or self._conversation.answers(session, heard.text, decoding)):
            decoding, said = self._routed(session, waiting, decoding)
            if said:
                return Answer(reply=said), decoding
        if heard.intent_filter is not None and any(
                call.name not in heard.intent_filter for call in decoding.calls):
            return NotUnderstood(reply=self._not_understood, calls=decoding.calls), decoding
        return (self._conversation.conclude(session, heard.text, heard.session_id, decoding),
                decoding)

    def prepare(self, session: Session, cancelled: Callable[[], bool]) -> None:
        """Let the student read what was just said and done."""
        self._student.prepare(session.history, site=session.site_id, cancelled=cancelled)

    def note(self, site_id: str, outcome: Understood) -> None:
        """What was said at a site, which decides what its next utterance may answer."""
        _note(self._asked_at, site_id, isinstance(outcome, Question))
        _note(self._puzzled_at, site_id, isinstance(outcome, NotUnderstood))

    def _routed(self, session: Session, waiting: Waiting, decoding: Decoding
                ) -> tuple[Decoding, str]:
        """What the bigger model makes of it, where there is one and it is its turn; its words,
        where it may speak. Its calls pass the same gate as the student's."""
        heard, router = waiting.heard, self._router
        if router is None or (router.order == "ask" and time.monotonic() - self._puzzled_at.get(
                heard.site_id, float("-inf")) > _ASKED_SECONDS):
            return decoding, ""
        self._on_wait(waiting)
        routed = router.ask(session.history, heard.text, self._conversation.home,
                            time.monotonic() + self._decode_seconds, site=heard.site_id)
        if not routed.calls:
            return decoding, routed.text
        return msgspec.structs.replace(decoding, calls=routed.calls, outcome="call",
                                       confidence=1.0, tools=()), ""


def _note(known: OrderedDict[str, float], site_id: str, holds: bool) -> None:
    known.pop(site_id, None)
    if holds:
        known[site_id] = time.monotonic()
        if len(known) > _REMEMBERED:
            known.popitem(last=False)
