"""Voice messages in, utterances out: the bounded queue before the worker.

Leaves out: what an utterance means. Everything that is no utterance for the worker is settled
here, at once, on the network thread: redeliveries, retained messages, nonsense, one too many.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Literal, NamedTuple

import msgspec
import structlog

from iotcall.hub.exchange import Arrival
from iotcall.hub.ledger import Entry, Ledger
from iotcall.hub.managed import Managed
from iotcall.hub.plain import ask_topic, read_ask
from iotcall.hub.settings import HubSettings
from iotcall.hub.topics import NLU_QUERY, TEXT_CAPTURED, Heard, Malformed, Message, read_voice
from iotcall.hub.turn import TurnRecord

ECHO_SECONDS = 10.0
"""How long the same on another topic is an echo."""
_ECHOES_REMEMBERED = 64
_AGAIN_SECONDS = 0.1
"""How soon the connection is tried again that took no answer."""
_UNSAID_LIMIT = 1024
"""Answers that wait for the connection. Of those that came with QoS 1 there are fewer, as the
broker waits too."""

_log = structlog.get_logger(__name__)

Objection = Literal["busy", "malformed"]


class Waiting(msgspec.Struct, frozen=True):
    """One utterance for the worker."""

    heard: Heard
    entry: Entry
    """What to tell the ledger about when it has been handled."""
    received_at: float
    """Monotonic seconds."""
    key: str = ""
    """The same for every delivery of this utterance."""
    first_delivery: bool = True
    """The broker says that it never delivered it before."""
    spoken: Callable[[TurnRecord], None] | None = None
    """Hears what came of it, where it did not come by MQTT."""
    digits: str | None = None
    """Of a keypad: nothing was said."""
    topic: str = ""
    """Of MQTT, where it came that way."""

    def __repr__(self) -> str:
        """Tells nobody what was said or entered."""
        return f"<Waiting at {self.heard.site_id}>"


class _Unsaid(NamedTuple):
    """What is left of the answer to something that will not be handled."""

    entry: Entry
    messages: deque[Message]
    since: float
    """Monotonic seconds."""


class Inbox:
    """Fed by the network thread, emptied by the worker."""

    def __init__(
        self,
        settings: HubSettings,
        ledger: Ledger,
        object_to: Callable[[Heard | Malformed, Objection], list[Message]],
        send: Callable[[Message], bool],
    ) -> None:
        """`object_to` says how what will not be handled is answered; `send` hands a message over
        without waiting, and says whether it could."""
        self._settings = settings
        self._ledger = ledger
        self._object_to, self._send = object_to, send
        self._unsaid: deque[_Unsaid] = deque()
        self._changed = threading.Condition()
        self._waiting: deque[Waiting] = deque()
        self._stopping = self._draining = False
        self.managed = Managed()
        self._lately: OrderedDict[tuple[str, str, str], tuple[str, float]] = OrderedDict()

    def arrived(self, arrival: Arrival) -> None:
        """Queue the utterance, or settle the message here."""
        if self._stopping and not self._draining:
            return  # not acknowledged: the broker keeps it for the next start
        entry = self._ledger.arrived(arrival)
        if entry is None:
            _log.info("voice.redelivered", topic=arrival.topic, mid=arrival.mid)
            return
        if arrival.retain:  # ghost switching: nobody has just said this
            _log.warning("voice.retained_ignored", topic=arrival.topic)
            self._ledger.handled(entry)
        else:
            self._sort(arrival, entry)

    def offer(self, heard: Heard, spoken: Callable[[TurnRecord], None]) -> bool:
        """Queue an utterance that came another way than MQTT; False when the queue is full or the
        hub is ending. `spoken` hears its turn, on the worker's thread."""
        if self._stopping:
            return False
        key = uuid.uuid4().hex
        return self._queued(Waiting(heard, Entry(key.encode()), time.monotonic(), key, True,
                                    spoken))

    def enter(self, site_id: str, digits: str) -> None:
        """Queue what a keypad sent; lost where the queue is full."""
        key = uuid.uuid4().hex
        self._queued(Waiting(Heard(text="", site_id=site_id), Entry(key.encode()),
                             time.monotonic(), key, True, None, digits))

    def take(self) -> Waiting | None:
        """The next utterance, when there is one; None when stopping."""
        while True:
            self._say_unsaid()
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting or self._stopping),
                                       _AGAIN_SECONDS if self._unsaid else None)
                if self._waiting and (self._draining or not self._stopping):
                    return self._waiting.popleft()
                if self._stopping:
                    return None

    @property
    def waiting(self) -> int:
        """Utterances in the queue."""
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, an end neither."""
        return not self._waiting and not self._stopping

    def stop(self, *, drain: bool = False) -> None:
        """Hand out nothing more; what waits stays with the broker. `drain`: hand that out first."""
        with self._changed:
            self._draining, self._stopping = drain, True
            self._changed.notify_all()

    def _sort(self, arrival: Arrival, entry: Entry) -> None:
        """To the worker, or to be answered here, or nowhere."""
        heard = self._read(arrival)
        if isinstance(heard, Malformed):
            _log.warning("voice.malformed", topic=arrival.topic, kind=heard.kind)
            if heard.site_id is None:
                self._ledger.handled(entry)
            else:
                self._object(entry, heard, "malformed")
        elif arrival.topic == TEXT_CAPTURED and not self._settings.share and self.managed.holds(
                heard, entry, lambda: self._admit(arrival, entry, heard)):
            _log.debug("voice.held", site_id=heard.site_id)
        else:
            if arrival.topic == NLU_QUERY and (held := self.managed.released(heard)):
                self._ledger.handled(held)
            self._admit(arrival, entry, heard)

    def _admit(self, arrival: Arrival, entry: Entry, heard: Heard) -> None:
        """To the worker, unless it was heard already or nothing more can wait."""
        if not self._settings.share and self._is_echo(arrival.topic, heard):
            _log.info("voice.echo_ignored", topic=arrival.topic, site_id=heard.site_id)
            self._ledger.handled(entry)
        elif not self._queued(Waiting(
                heard, entry, time.monotonic(), self._key(arrival, entry), not arrival.dup,
                topic=arrival.topic)):
            _log.warning("voice.busy", site_id=heard.site_id, queue=self._settings.queue)
            self._object(entry, heard, "busy")

    def _read(self, arrival: Arrival) -> Heard | Malformed:
        settings = self._settings
        if arrival.topic == ask_topic(settings.asked_as):
            return read_ask(arrival.payload, settings.asked_as,
                            text_limit_characters=settings.text_limit_characters,
                            payload_limit_bytes=settings.payload_limit_bytes,
                            response_topic=arrival.response_topic,
                            correlation=arrival.correlation)
        return read_voice(arrival.topic, arrival.payload,
                          text_limit_characters=settings.text_limit_characters,
                          payload_limit_bytes=settings.payload_limit_bytes)

    def _queued(self, waiting: Waiting) -> bool:
        """False when the queue is full."""
        with self._changed:
            if len(self._waiting) >= self._settings.queue:
                return False
            self._waiting.append(waiting)
            self._changed.notify_all()
            return True

    def _object(self, entry: Entry, asked: Heard | Malformed, why: Objection) -> None:
        if len(self._unsaid) >= _UNSAID_LIMIT:
            _log.error("voice.unanswered", site_id=asked.site_id, why=why)
            self._ledger.handled(entry)
            return
        with self._changed:
            self._unsaid.append(_Unsaid(entry, deque(self._object_to(asked, why)),
                                        time.monotonic()))
            self._changed.notify_all()
        self._say_unsaid()

    def _say_unsaid(self) -> None:
        """Answer what will not be handled, as far as the connection takes it now.

        subtle: a slow network takes less than a flood of utterances needs, and none but the worker
        may wait for it: it comes by when it takes the next utterance.
        """
        with self._changed:
            while self._unsaid:
                entry, messages, since = self._unsaid[0]
                if time.monotonic() - since > self._settings.session_expiry_seconds:
                    _log.warning("utterance.expired")
                    messages.clear()
                while messages:
                    if not self._send(messages[0]):
                        return
                    messages.popleft()
                self._unsaid.popleft()
                self._ledger.handled(entry)

    def _is_echo(self, topic: str, heard: Heard) -> bool:
        """Whether another voice topic has just brought it.

        A Rhasspy dialogue manager turns each textCaptured into an nlu/query of the same session.

        subtle: without a common session the same words over two ways are two utterances. The same
        satellite has another name on each way (docs/voice.md), so what shares a site there is
        "default": several people. Times of arrival say nothing: what the broker has kept comes at
        once, whenever it was said. And whoever asks by Wyoming or the plain pair waits for its
        answer.
        """
        if (key := echo_key(heard)) is None:
            return False
        now = time.monotonic()
        with self._changed:
            before, at = self._lately.pop(key, (topic, now))
            if before != topic and now - at < ECHO_SECONDS:
                return True
            self._lately[key] = (topic, now)
            if len(self._lately) > _ECHOES_REMEMBERED:
                self._lately.popitem(last=False)
        return False

    def _key(self, arrival: Arrival, entry: Entry) -> str:
        """A message of QoS 0 comes once, whatever its packet's number is.

        Packets are numbered for each client of the broker, and workers share a journal.
        """
        packet = str(arrival.mid) if arrival.qos else uuid.uuid4().hex
        return (f"{self._settings.client_id}/" if self._settings.share else "") + (
            f"{packet}:{entry.digest.hex()}")


def echo_key(heard: Heard) -> tuple[str, str, str] | None:
    """What two topics that bring the same utterance have in common; None: no two would."""
    if heard.session_id is None:
        return None
    return heard.site_id, heard.session_id, " ".join(heard.text.casefold().split())
