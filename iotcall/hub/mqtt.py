"""One MQTT connection, from CONNECT to its end.

Leaves out: paho's client (mqtt_client), connecting again (link) and what the messages mean.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import paho.mqtt.client as paho
import structlog
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from iotcall.errors import BrokerError
from iotcall.hub.exchange import (
    Arrival,
    NotPermitted,
    Subscription,
    Undelivered,
    Unheard,
    Version,
    VersionRefused,
)
from iotcall.hub.logs import fault
from iotcall.hub.mqtt_client import NO_MATCHING_SUBSCRIBERS, OUTGOING_LIMIT, Client, properties_for
from iotcall.hub.settings import HubSettings
from iotcall.hub.topics import Message

_SESSION_TAKEN_OVER = 0x8E  # MQTT 5, 3.14.2.1
_TOPICS_AT_ONCE = 200  # of one SUBSCRIBE: brokers bound the size of a packet
_POLL_SECONDS = 0.05  # how soon a waiting publication notices that the connection ended

_log = structlog.get_logger(__name__)


class Connection:
    """One connection; after `ended` is set it is of no more use."""

    def __init__(
        self,
        settings: HubSettings,
        version: Version,
        *,
        will: Message,
        subscriptions: Iterable[Subscription],
        on_session: Callable[[bool], None],
        on_arrival: Callable[[Arrival], None],
    ) -> None:
        """`on_session` hears whether the broker kept the session, before the first arrival.

        Both callbacks run on the network thread and must not block.
        """
        self.version = version
        self.ended = threading.Event()
        self.reason = "no connection yet"
        """Why it ended: the broker's own words where it gave any."""
        self.taken_over = False
        """Whether it ended because another client came with our client id."""
        self._dismissed = False
        self._settings = settings
        self._subscriptions = sorted(subscriptions)
        self._following = threading.Lock()  # what is wanted, and what was asked for it
        self._on_session = on_session
        self._on_arrival = on_arrival
        self._settled = threading.Event()  # subscribed, refused or over
        self._connected = False
        self._refusal: BrokerError | None = None
        self._subscribing: dict[int, Sequence[Subscription]] = {}  # packet identifier -> topics
        self._refused: dict[int, str] = {}  # packet identifier -> why the broker did not take it
        self._unheard: deque[int] = deque(maxlen=OUTGOING_LIMIT)  # packets that nobody gets
        self._client = Client(settings, version, self._finish)
        self._client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        self._client.on_connect = self._connack
        self._client.on_subscribe = self._suback
        self._client.on_publish = self._puback
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._message

    def open(self) -> None:
        """Connect and subscribe.

        Raises:
            VersionRefused: another version of MQTT may do.
            BrokerError: the broker is not there, refuses us, or refuses a subscription.
        """
        broker = self._settings.broker
        try:
            self._client.start()
        except ssl.SSLError as error:
            raise BrokerError(
                f"the MQTT broker at {broker} is not trusted ({error}); name its certificate "
                "authority in the environment variable SSL_CERT_FILE"
            ) from error
        except (OSError, ValueError) as error:
            raise BrokerError(
                f"cannot reach the MQTT broker at {broker} ({error}); start one (e.g. `mosquitto`) "
                "or name another with --broker mqtt://host:port"
            ) from error
        if not self._settled.wait(self._settings.connect_seconds) and not self._refusal:
            self._refusal = self._unsettled("no answer in time")
        if self._refusal:
            self.close()
            raise self._refusal

    def send(self, message: Message) -> bool:
        """Hand a publication over without waiting, QoS 1; False when it cannot go out."""
        return self._hand_over(message).rc == paho.MQTT_ERR_SUCCESS

    def publish(self, message: Message, deadline: float) -> bool:
        """Whether the broker took it before the connection ended. `deadline` is monotonic.

        A connection on which the deadline passes is of no more use: it is ended, or the message
        would arrive whenever the network is back, when it was given up long ago.

        Raises:
            Undelivered: the broker refused it, the deadline passed, or it is a question with a
                response topic that nobody hears.
        """
        if time.monotonic() >= deadline:
            raise Undelivered(f"it was too late for {message.topic}")
        while (handed := self._hand_over(message)).rc == paho.MQTT_ERR_QUEUE_SIZE:
            if self.ended.wait(_POLL_SECONDS):
                return False
            if time.monotonic() >= deadline:
                raise Undelivered(f"too many publications wait for {self._settings.broker}")
        if handed.rc != paho.MQTT_ERR_SUCCESS:
            return False
        while not handed.is_published():
            if self.ended.is_set():
                return False
            left = deadline - time.monotonic()
            if left <= 0:
                self._client.abandon()
                raise Undelivered(f"{self._settings.broker} took no {message.topic} in time")
            handed.wait_for_publish(min(left, _POLL_SECONDS))
        if why := self._refused.pop(handed.mid, ""):
            raise NotPermitted(f"{self._settings.broker} refused {message.topic}: {why}")
        if message.response_topic is not None and handed.mid in self._unheard:
            raise Unheard(f"nobody hears {message.topic}")
        return True

    def close(self) -> None:
        """Disconnect after what was handed over so far; the broker keeps the session."""
        self._client.disconnect()
        self.ended.wait(self._settings.connect_seconds)
        self._client.loop_stop()

    def _hand_over(self, message: Message) -> paho.MQTTMessageInfo:
        properties = properties_for(message) if self.version == "5" else None
        return self._client.publish(
            message.topic, message.payload, qos=1, retain=message.retain, properties=properties
        )

    def _connack(self, client: Any, userdata: Any, flags: Any, reason: Any, _: Any) -> None:
        if reason.is_failure:
            text = str(reason)
            if text == "Unsupported protocol version":
                self._refusal = VersionRefused(f"{self._settings.broker} speaks no MQTT "
                                               f"{self.version}; try another --mqtt-version")
            else:
                self._refusal = BrokerError(
                    f"{self._settings.broker} refused us: {text}; check the user and password in "
                    "--broker mqtt://user:password@host and the broker's access list"
                )
            self._settled.set()
            return
        self._on_session(bool(flags.session_present))
        with self._following:
            self._connected = True
            self._subscribe(self._subscriptions)

    def follow(self, subscriptions: Iterable[Subscription]) -> None:
        """Hear these topics from now on, and no others."""
        with self._following:
            before, wanted = set(self._subscriptions), set(subscriptions)
            self._subscriptions = sorted(wanted)
            if not self._connected or self.ended.is_set():
                return  # what is wanted by then is subscribed to on connecting
            if gone := sorted(each.topic for each in before - wanted):
                self._client.unsubscribe(gone)
            if new := sorted(wanted - before):
                self._subscribe(new)

    def _subscribe(self, subscriptions: Sequence[Subscription]) -> None:
        """While `_following` is held: the answer may come before paho has told us its number."""
        for first in range(0, len(subscriptions), _TOPICS_AT_ONCE):
            part = subscriptions[first:first + _TOPICS_AT_ONCE]
            topics: list[Any] = [
                (
                    wanted.topic,
                    SubscribeOptions(wanted.qos, retainAsPublished=wanted.retain_as_published)
                    if self.version == "5"
                    else wanted.qos,
                )
                for wanted in part
            ]
            _, mid = self._client.subscribe(topics)
            if mid is not None:
                self._subscribing[mid] = part

    def _suback(self, client: Any, userdata: Any, mid: int, reasons: list[ReasonCode],
                _: Any) -> None:
        with self._following:
            part, last = self._subscribing.pop(mid, ()), not self._subscribing
        refused = [wanted.topic for wanted, reason
                   in zip(part, reasons, strict=False) if reason.is_failure]
        if refused and self._settled.is_set():
            _log.warning("subscription.refused", topics=refused[:5], count=len(refused))
        elif refused:
            self._refusal = BrokerError(f"{self._settings.broker} lets us not subscribe to "
                                        f"{', '.join(refused)}; check its access list")
        if refused or last:
            self._settled.set()

    def _puback(self, client: Any, userdata: Any, mid: int, reason: ReasonCode, _: Any) -> None:
        if reason.is_failure:
            self._refused[mid] = str(reason)
        if mid in self._unheard:  # of an earlier packet of that number
            self._unheard.remove(mid)
        if reason.value == NO_MATCHING_SUBSCRIBERS:
            self._unheard.append(mid)
        self._client.hurry()

    def _message(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        self._client.hurry()
        mid, qos = message.mid, message.qos
        properties = getattr(message, "properties", None)
        arrival = Arrival(message.topic, bytes(message.payload), qos, message.retain, message.dup,
                          mid, lambda: self._acknowledge(mid, qos),
                          getattr(properties, "ResponseTopic", None),
                          getattr(properties, "CorrelationData", None))
        try:
            self._on_arrival(arrival)
        except Exception as error:  # anybody's message; it must never end the network thread
            _log.error("arrival.failed", topic=message.topic, fault=fault(error))

    def _acknowledge(self, mid: int, qos: int) -> None:
        if not self.ended.is_set():
            with contextlib.suppress(OSError):  # over just now: the broker will send it again
                self._client.ack(mid, qos)

    def _disconnected(self, client: Any, userdata: Any, flags: Any, reason: Any, _: Any) -> None:
        # subtle: paho reports the broker's DISCONNECT, then the closed socket as a second end,
        # "Unspecified error".
        if self._dismissed:
            return
        self._dismissed = bool(flags.is_disconnect_packet_from_server)
        self.reason = str(reason)
        self.taken_over = self._dismissed and reason.value == _SESSION_TAKEN_OVER

    def _finish(self) -> None:
        """The network thread is over, for whatever reason."""
        if not self._settled.is_set() and not self._refusal:
            self._refusal = self._unsettled("hung up")
        self.ended.set()
        self._settled.set()

    def _unsettled(self, what: str) -> BrokerError:
        if self._connected:
            return BrokerError(f"{self._settings.broker}: {what} at our subscriptions")
        return VersionRefused(f"{self._settings.broker}: {what} at our MQTT {self.version} "
                              "CONNECT; is it an MQTT broker?")
