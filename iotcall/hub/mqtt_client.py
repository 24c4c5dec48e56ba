"""paho's client, set up as the hub needs it. Leaves out: what is said and heard (mqtt).

MQTT 5 or 3.1.1, always on the broker's kept session, always acknowledging by hand.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from iotcall.devices.discovery.base import MAX_ANNOUNCEMENT_BYTES
from iotcall.hub.exchange import Version
from iotcall.hub.logs import fault
from iotcall.hub.settings import HubSettings
from iotcall.hub.tls import tls_context
from iotcall.hub.topics import Message

OUTGOING_LIMIT = 256
"""Publications that wait for the broker's acknowledgement."""
NO_MATCHING_SUBSCRIBERS = 0x10
"""MQTT 5, 3.4.2.1: the broker has taken it, and given it to nobody."""
_KEEPALIVE_SECONDS = 30
_PACKET_LIMIT_BYTES = MAX_ANNOUNCEMENT_BYTES + 65536  # MQTT 5: the broker drops what is longer

_log = structlog.get_logger(__name__)


class Client(paho.Client):
    """paho, set up as we need it, telling when its network thread is over."""

    def __init__(self, settings: HubSettings, version: Version, finished: Callable[[], None]):
        five = version == "5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            clean_session=None if five else False,
            protocol=paho.MQTTv5 if five else paho.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._broker = settings.broker
        self._properties: Properties | None = None
        self._finished = finished
        self.connect_timeout = settings.connect_seconds
        self.max_queued_messages_set(OUTGOING_LIMIT)
        self.on_socket_open = _at_once
        if five:
            self._properties = _properties(PacketTypes.CONNECT)
            self._properties.SessionExpiryInterval = settings.session_expiry_seconds
            self._properties.ReceiveMaximum = settings.receive_maximum
            self._properties.MaximumPacketSize = _PACKET_LIMIT_BYTES
        if settings.broker.username is not None:
            self.username_pw_set(settings.broker.username, settings.broker.password)
        if settings.broker.tls:
            self.tls_set_context(tls_context(settings.broker))

    def hurry(self) -> None:
        """Let the kernel acknowledge what it has received at once.

        subtle: most brokers leave Nagle's algorithm on, so a device's state that follows our
        PUBACK waits for the kernel's delayed acknowledgement, 40 ms on Linux.
        """
        connected: Any = self.socket()
        if connected is not None and hasattr(socket, "TCP_QUICKACK"):
            with contextlib.suppress(OSError):  # it may be over already
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def abandon(self) -> None:
        """End the connection and drop what the system has not sent yet (socket(7), SO_LINGER)."""
        connected: Any = self.socket()
        if connected is not None:
            with contextlib.suppress(OSError):  # it may be over already
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connected.shutdown(socket.SHUT_RDWR)

    def start(self) -> None:
        """Connect (blocks) and read on a thread of its own."""
        if self._properties is None:
            self.connect(self._broker.host, self._broker.port, _KEEPALIVE_SECONDS)
        else:
            self.connect(self._broker.host, self._broker.port, _KEEPALIVE_SECONDS,
                         clean_start=False, properties=self._properties)
        self.loop_start()

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False
                     ) -> MQTTErrorCode:
        """As paho's; a packet that paho cannot read ends the connection, not the hub."""
        try:
            return super().loop_forever(timeout, retry_first_connection)
        except Exception as error:
            _log.error("connection.broken", fault=fault(error))
            return paho.MQTT_ERR_PROTOCOL
        finally:
            self._finished()


def properties_for(message: Message) -> Properties:
    """Of a publication with MQTT 5."""
    properties = _properties(PacketTypes.PUBLISH)
    if message.expiry_seconds is not None:
        properties.MessageExpiryInterval = message.expiry_seconds
    if message.correlation is not None:
        properties.CorrelationData = message.correlation
    if message.response_topic is not None:
        properties.ResponseTopic = message.response_topic
    return properties


def _at_once(client: object, data: object, opened: Any) -> None:
    """Send small packets as they come: a command must not wait for the acknowledgement of what was
    sent before it (RFC 896, Nagle's algorithm)."""
    with contextlib.suppress(OSError):  # over TLS and websockets it is no plain socket
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _properties(packet_type: int) -> Properties:
    return Properties(packet_type)  # type: ignore[no-untyped-call]
