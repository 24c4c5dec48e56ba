"""The same question over MQTT: a request on one topic, the answer on another.

The body is that of HTTP both ways, so whoever answers may pass it on to any OpenAI-compatible
service. MQTT 5 carries response topic and correlation data as properties (MQTT 5, 4.10:
https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html); MQTT 3.1.1 has none, so there both
stand in the JSON: the keys ``id`` and ``response_topic`` of the request, and ``id`` of the answer.

Leaves out: the connection, which is the hub's link. How it is used:

    over_mqtt = OverMqtt(settings.topic, answers_on=...)
    over_mqtt.connect(publish, version); subscribe to over_mqtt.answers_on, QoS 1
    hand what arrives there to over_mqtt.heard; it is the `Transport` of a router

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
from iotcall.hub.fallback.http import LARGEST_ANSWER
from iotcall.hub.topics import Message

_ENVELOPE = 256
"""Bytes that an id may add to an answer."""


class _Identified(msgspec.Struct, frozen=True):
    id: Any = None


def answer_topic(client_id: str) -> str:
    """Where a hub hears answers, unless its settings name another topic."""
    return f"iotcall/{client_id}/fallback"


def request(topic: str, body: bytes, *, answers_on: str, version: Version, seconds: float
            ) -> tuple[bytes, Message]:
    """A new question's correlation, and the question. `body` is a JSON object; after `seconds`
    nobody waits for its answer.

    With MQTT 3.1.1 the correlation's hexadecimal text is the id.
    """
    correlation = secrets.token_bytes(16)
    if version == "3.1.1":
        told: dict[str, Any] = {"id": correlation.hex(), "response_topic": answers_on}
        body = msgspec.json.encode(told | msgspec.json.decode(body))
    return correlation, Message(topic, body, expiry_seconds=max(1, round(seconds)),
                                correlation=correlation, response_topic=answers_on)


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


class OverMqtt:
    """A `Transport` on a topic; made before there is a connection, which it is given later."""

    def __init__(self, topic: str, *, answers_on: str) -> None:
        self.answers_on = answers_on
        """The topic to subscribe to."""
        self._topic = topic
        self._answers = Answers()
        self._publish: Callable[[Message, float], None] | None = None
        self._version: Callable[[], Version] = lambda: "5"

    def connect(self, publish: Callable[[Message, float], None], version: Callable[[], Version]
                ) -> None:
        """From now on questions are asked.

        Args:
            publish: hands a message to the broker until the (monotonic) deadline; raises
                `Undelivered`.
            version: what the connection speaks now.
        """
        self._publish, self._version = publish, version

    def heard(self, payload: bytes, *, correlation: bytes | None = None, retained: bool = False
              ) -> bool:
        """As `Answers.heard`."""
        return self._answers.heard(payload, correlation=correlation, retained=retained)

    def __call__(self, body: bytes, deadline: float) -> bytes | Failed:
        if self._publish is None:
            return Failed("unreachable", "there is no connection to a broker yet")
        correlation, asked = request(self._topic, body, answers_on=self.answers_on,
                                     version=self._version(), seconds=deadline - time.monotonic())
        self._answers.expect(correlation)
        try:
            self._publish(asked, deadline)
        except Undelivered as error:
            self._answers.take(correlation, 0.0)
            return Failed("unreachable", str(error))
        return self._answers.take(correlation, deadline)
