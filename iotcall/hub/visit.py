"""A short visit to the broker under another client id, so that a hub that runs keeps its session.

Leaves out: what is done there.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from iotcall.errors import BrokerError
from iotcall.hub.exchange import Version
from iotcall.hub.settings import Broker, HubSettings
from iotcall.hub.tls import tls_context

BAD_PROTOCOL = "Unsupported protocol version"
"""What a broker says that speaks another version of MQTT."""


class Refused(BrokerError):
    """The broker does not let us in; the message is its own words."""


@contextlib.contextmanager
def visit(settings: HubSettings, version: Version) -> Iterator[paho.Client]:
    """A client that is connected, on a session that nothing is left of; disconnected at the end.

    Raises:
        Refused: the broker does not let us in.
        BrokerError: it cannot be reached.
    """
    broker = settings.broker
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=f"{settings.client_id}-check-{secrets.token_hex(4)}",
        protocol=paho.MQTTv5 if version == "5" else paho.MQTTv311, reconnect_on_failure=False)
    client.connect_timeout = settings.connect_seconds
    if broker.username is not None:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls:
        client.tls_set_context(tls_context(broker))
    answers: list[str] = []
    answered = threading.Event()

    def connected(_: Any, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        answers.append(str(reason) if reason.is_failure else "")
        answered.set()

    client.on_connect = connected
    try:
        try:
            client.connect(broker.host, broker.port)
        except (OSError, ValueError) as error:
            raise _unreachable(broker, str(error)) from error
        client.loop_start()
        if not answered.wait(settings.connect_seconds):
            raise _unreachable(broker, "no answer in time; is it an MQTT broker?")
        if answers[0]:
            raise Refused(answers[0])
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def _unreachable(broker: Broker, why: str) -> BrokerError:
    hint = "name its authority in broker.ca_file" if "CERTIFICATE_VERIFY" in why else (
        "start it, or name another in broker.url")
    return BrokerError(f"cannot reach the MQTT broker at {broker} ({why}); {hint}")
