"""The same question over MQTT: a request on one topic, the answer on another.

The body is that of HTTP both ways, so whoever answers may pass it on to any OpenAI-compatible
service. MQTT 5 carries response topic and correlation data as properties (MQTT 5, 4.10:
https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html); MQTT 3.1.1 has none, so there both
stand in the JSON: the keys ``id`` and ``response_topic`` of the request, and ``id`` of the answer.

Leaves out: the connection, which is the hub's link. How it is used:

    link: subscribe to answer_topic(client_id), QoS 1; hand what arrives there to `Answers.heard`
    transport = mqtt_transport(settings.topic, answers, client_id=..., version=..., publish=...)

Who may publish on the answer's topic can answer, so the broker's access list should say who that
is; a correlation is 128 random bits, for one request, and gone with it.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec

from iotcall.hub.exchange import Undelivered, Version
from iotcall.hub.fallback.failure import Failed
from iotcall.hub.fallback.http import LARGEST_ANSWER, Transport
from iotcall.hub.topics import Message

_ENVELOPE = 256
"""Bytes that an id may add to an answer."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One question, to be published with QoS 1."""

    message: Message
    """Not retained; expires with the question."""
    response_topic: str
    """Property of a publication with MQTT 5."""
    correlation: bytes
    """Property of a publication with MQTT 5; with 3.1.1 its hexadecimal text is the id."""


class _Identified(msgspec.Struct, frozen=True):
    id: Any = None


def answer_topic(client_id: str) -> str:
    """Where a hub hears answers."""
    return f"iotcall/{client_id}/fallback"


def request(topic: str, body: bytes, *, client_id: str, version: Version, seconds: float
            ) -> Request:
    """A new question. `body` is a JSON object; after `seconds` nobody waits for its answer."""
    correlation = secrets.token_bytes(16)
    response_topic = answer_topic(client_id)
    if version == "3.1.1":
        told: dict[str, Any] = {"id": correlation.hex(), "response_topic": response_topic}
        body = msgspec.json.encode(told | msgspec.json.decode(body))
    return Request(message=Message(topic, body, expiry_seconds=max(1, round(seconds))),
                   response_topic=response_topic, correlation=correlation)


def correlation_of(payload: bytes, correlation: bytes | None) -> bytes | None:
    """Which question an answer is for; None where it does not say.

    Args:
        correlation: MQTT 5's property; None: the id in the JSON counts.
    """
    if correlation is not None:
        return correlation
    try:
        id = msgspec.json.decode(payload, type=_Identified).id
        return bytes.fromhex(id) if isinstance(id, str) else None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


class Answers:
    """Answers that are waited for: filled by the network thread, emptied by the worker.

    Holds nothing that nobody waits for, and one answer for each that somebody does.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._expected: dict[bytes, bytes | Failed | None] = {}

    def expect(self, correlation: bytes) -> None:
        """Take an answer of this correlation in; before the question is published."""
        with self._changed:
            self._expected[correlation] = None

    def heard(self, payload: bytes, *, correlation: bytes | None = None, retained: bool = False
              ) -> bool:
        """Whether a message on the answers' topic was one that is waited for. Never blocks.

        A retained message answers nothing: nobody has just said it.
        """
        if retained:
            return False
        too_large = len(payload) > LARGEST_ANSWER + _ENVELOPE
        found = correlation if too_large else correlation_of(payload, correlation)
        with self._changed:
            # subtle: the first answer counts, as with HTTP; a redelivered one changes nothing
            if found is None or self._expected.get(found, b"") is not None:
                return False
            self._expected[found] = Failed(
                "too_large", f"{len(payload)} bytes; expected {LARGEST_ANSWER} at most"
            ) if too_large else payload
            self._changed.notify_all()
            return True

    def take(self, correlation: bytes, deadline: float) -> bytes | Failed:
        """The answer, at the latest at the (monotonic) deadline; afterwards it is expected no
        more."""
        with self._changed:
            self._changed.wait_for(lambda: self._expected.get(correlation) is not None,
                                   max(0.0, deadline - time.monotonic()))
            found = self._expected.pop(correlation, None)
        return found if found is not None else Failed("too_slow", "no answer in time")


def mqtt_transport(topic: str, answers: Answers, *, client_id: str,
                   version: Callable[[], Version],
                   publish: Callable[[Request, float], None]) -> Transport:
    """Asks on the topic.

    Args:
        version: that the link speaks now.
        publish: hands a request to the broker until the deadline; raises `Undelivered`.
    """
    def ask(body: bytes, deadline: float) -> bytes | Failed:
        asked = request(topic, body, client_id=client_id, version=version(),
                        seconds=deadline - time.monotonic())
        answers.expect(asked.correlation)
        try:
            publish(asked, deadline)
        except Undelivered as error:
            answers.take(asked.correlation, 0.0)
            return Failed("unreachable", str(error))
        return answers.take(asked.correlation, deadline)

    return ask
