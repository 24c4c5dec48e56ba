"""One question to the bigger model, from the utterance to checked calls. Leaves out: when to ask
it, and what its calls do.

A routed call is a call like any other: whoever gets it hands it to the conversation, whose gate
asks before a door is unlocked. Nothing here knows which calls are dangerous, and nothing here may.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from iotcall.catalogue import ToolCall
from iotcall.devices import Home
from iotcall.errors import InputError
from iotcall.hub.fallback.answer import Reply, checked, read_reply, speakable
from iotcall.hub.fallback.breaker import Breaker
from iotcall.hub.fallback.failure import OF_THE_SERVICE, Failed, Reason
from iotcall.hub.fallback.grounding import Grounding
from iotcall.hub.fallback.http import Transport, http_transport
from iotcall.hub.fallback.mqtt import OverMqtt, answer_topic
from iotcall.hub.fallback.prompt import clean, request_body
from iotcall.hub.fallback.settings import (
    Fallback,
    Order,
    api_key,
    check_fallback,
    read_endpoint,
)
from iotcall.hub.fallback.traces import Recorder, trace
from iotcall.runtime import Turn

LEAST_SECONDS = 0.2
"""Nobody is asked with less time than this."""
_FAIR_SHARE = 0.5
"""Of `deadline_seconds`: an answer that was late after less time says nothing of the service."""

_log = structlog.get_logger(__name__)


class Routed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: calls, or words to say, or a reason."""

    calls: tuple[ToolCall, ...] = ()
    """Of the catalogue, admitted by the bundle's grammar after what was said; the gate comes after
    them."""
    text: str = ""
    """To be said; never with calls, and only where `speak_text` is set."""
    reason: Reason | None = None
    """Why there is neither."""
    detail: str = ""
    """For the owner, not for logs: it may quote what was said."""
    latency_ms: float = 0.0


class Router:
    """Asks one service; used by the one thread that uses the student."""

    def __init__(self, settings: Fallback, grounding: Grounding, transport: Transport, *,
                 breaker: Breaker | None = None, recorder: Recorder | None = None) -> None:
        self._settings, self._grounding, self._transport = settings, grounding, transport
        self.over_mqtt = transport if isinstance(transport, OverMqtt) else None
        """Where the hub's own connection is asked over: it must be given to it."""
        self.breaker = breaker or Breaker(settings.breaker)
        self._recorder = recorder

    @property
    def order(self) -> Order:
        """Whether the person is asked first."""
        return self._settings.order

    @property
    def wait_reply(self) -> str:
        """Said while waiting."""
        return self._settings.wait_reply

    def ask(self, history: Sequence[Turn], utterance: str, home: Home, deadline: float, *,
            site: str = "") -> Routed:
        """The bigger model's answer, at the latest at the (monotonic) deadline or after
        `deadline_seconds`. Whatever goes wrong is a reason, never an exception.

        Args:
            history: earlier turns; those that the student sees count.
            site: told to nobody; hashed in the record.
        """
        began = time.monotonic()
        history = self._grounding.shown(history)
        reply = self._reply(history, utterance, home, began, deadline)
        found = self._judged(reply, history, utterance)
        found = msgspec.structs.replace(found, latency_ms=1000 * (time.monotonic() - began))
        _log.info("fallback.asked", verdict=_verdict(found), breaker=self.breaker.state,
                  calls=[call.name for call in found.calls], ms=round(found.latency_ms, 1))
        if self._recorder:
            rejected = reply.calls if isinstance(reply, Reply) and not found.calls else ()
            self._recorder.add(trace(
                history, utterance, found.calls, verdict=_verdict(found), rejected=rejected,
                text=found.text, model=self._settings.model, latency_ms=found.latency_ms,
                site=self._recorder.hashed(site)))
        return found

    def _reply(self, history: Sequence[Turn], utterance: str, home: Home, now: float,
               deadline: float) -> Reply | Failed:
        until = min(deadline, now + self._settings.deadline_seconds)
        if not clean(utterance):
            return Failed("no_text")
        if until - now < LEAST_SECONDS:
            return Failed("no_time")
        if not self.breaker.begin():
            return Failed("open", "the service failed several times in a row; asked again later")
        well: bool | None = None
        try:
            body = request_body(self._settings, self._grounding.catalogue, history, utterance,
                                home.names())
            answered = self._transport(msgspec.json.encode(body), until)
            reply = answered if isinstance(answered, Failed) else read_reply(answered)
            well = not (isinstance(reply, Failed) and reply.reason in OF_THE_SERVICE)
            if (isinstance(reply, Failed) and reply.reason == "too_slow"
                    and until - now < _FAIR_SHARE * self._settings.deadline_seconds):
                well = None
            return reply
        finally:
            self.breaker.end(well)

    def _judged(self, reply: Reply | Failed, history: Sequence[Turn], utterance: str) -> Routed:
        if isinstance(reply, Failed):
            return Routed(reason=reply.reason, detail=reply.detail)
        if not reply.calls and (said := speakable(reply.text)):
            if self._settings.speak_text:
                return Routed(text=said)
            return Routed(reason="only_text", detail="the model answered in words; fallback."
                                                     "speak_text = true would have them said")
        calls = checked(reply, self._grounding, history, utterance)
        if isinstance(calls, Failed):
            return Routed(reason=calls.reason, detail=calls.detail)
        return Routed(calls=calls)


def open_router(settings: Fallback, grounding: Grounding, *, environ: Mapping[str, str],
                client_id: str = "", traces: Path | None = None) -> Router:
    """A router as the settings say.

    Args:
        environ: where the key is.
        client_id: of the hub, whose connection is asked over where `topic` is set.
        traces: the file to record to.

    Raises:
        InputError: a setting is not one, the key is not there, or there is nowhere to record to.
    """
    check_fallback(settings)
    transport = open_transport(settings, environ=environ, client_id=client_id)
    if settings.record and traces is None:
        raise InputError("fallback.record: there is no folder to record to; name one, or leave "
                         "record out")
    recorder = Recorder(traces) if settings.record and traces else None
    return Router(settings, grounding, transport, recorder=recorder)


def open_transport(settings: Fallback, *, environ: Mapping[str, str], client_id: str
                   ) -> OverMqtt | Transport:
    """The way to whoever is asked; settings as `check_fallback` lets them pass.

    Raises:
        InputError: the key is not where the settings say.
    """
    if settings.topic:
        return OverMqtt(settings.topic,
                        answers_on=settings.answer_topic or answer_topic(client_id))
    return http_transport(read_endpoint(settings.url), api_key(settings, environ))


def _verdict(found: Routed) -> Any:
    return found.reason or ("admitted" if found.calls else "said")
