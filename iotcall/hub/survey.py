"""Look at a home once: what is announced on a broker, and what the devices last said.

Leaves out: following it (household). Publishes only the questions that devices need to answer.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from iotcall.devices import Home, Publication
from iotcall.errors import BrokerError
from iotcall.hub.household import Household
from iotcall.hub.settings import Broker
from iotcall.hub.tls import tls_context

_QUIET_SECONDS = 1.0
"""So long nothing new is announced before the survey ends."""


def survey(home: Home, broker: Broker, *, seconds: float) -> Household:
    """The household after at most so many seconds of listening.

    Raises:
        BrokerError: the broker cannot be reached or refuses us.
    """
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"iotcall-survey-{uuid.uuid4()}")
    client.username_pw_set(broker.username, broker.password)
    if broker.tls:
        client.tls_set_context(tls_context(broker))
    last = [time.monotonic()]
    refused: list[str] = []
    up = threading.Event()

    def changed(_: Home) -> None:
        last[0] = time.monotonic()
        client.subscribe([(topic, 0) for topic in household.filters()])

    def send(publications: Sequence[Publication]) -> None:
        for each in publications:  # paho's queue has no bound, unless told
            client.publish(each.topic, each.payload, qos=1)

    def connected(_: Any, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        if reason.is_failure:
            refused.append(str(reason))
        else:
            client.subscribe([(topic, 0) for topic in household.filters()])
        up.set()

    def arrived(_: Any, __: Any, message: paho.MQTTMessage) -> None:
        household.heard(message.topic, bytes(message.payload), retained=message.retain)

    household = Household(home, "iotcall-survey", on_change=changed, send=send)
    client.on_connect, client.on_message = connected, arrived
    follower = threading.Thread(target=household.run, daemon=True)
    until = time.monotonic() + seconds
    try:
        client.connect(broker.host, broker.port)
        client.loop_start()
        if not up.wait(seconds) or refused:
            raise BrokerError(f"{broker} refused us: {refused[0] if refused else 'no answer'}")
        follower.start()
        household.ask_all()
        pause = threading.Event()
        while time.monotonic() < min(until, last[0] + max(_QUIET_SECONDS, seconds / 4)):
            pause.wait(0.05)
    except (OSError, ValueError) as error:
        raise BrokerError(f"cannot reach the MQTT broker at {broker} ({error}); start one or name "
                          "another with --broker mqtt://host:port") from error
    finally:
        household.stop()
        client.disconnect()
        client.loop_stop()
        if follower.is_alive():
            follower.join(seconds)
    return household
