"""The hub's connection to its broker, kept up. Leaves out: MQTT itself (mqtt), meaning (topics).

Each connection is a fresh client on the same session at the broker. What was handed to a
connection that ended is therefore gone, on purpose: a command must not arrive minutes late.
Who wants it delivered waits in `publish`, with a deadline.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from iotcall.errors import BrokerError, IotcallError
from iotcall.hub.exchange import (
    Arrival,
    NotPermitted,
    Subscription,
    TakenOver,
    Undelivered,
    Version,
    VersionRefused,
)
from iotcall.hub.logs import fault
from iotcall.hub.mqtt import Connection
from iotcall.hub.mqtt_client import OUTGOING_LIMIT
from iotcall.hub.settings import HubSettings
from iotcall.hub.topics import Message, status

_FIRST_DELAY_SECONDS = 0.25
_LONGEST_DELAY_SECONDS = 15.0
_AT_ONCE = OUTGOING_LIMIT // 4  # publications of many that wait for the broker
_SUSPICIOUS = 3  # connections in a row that lasted less than _STABLE_SECONDS
_STABLE_SECONDS = 10.0  # a connection that lasted less does not reset the delay

_log = structlog.get_logger(__name__)


class Link:
    """Opened once, then reconnected for ever until it is closed or taken over. Thread-safe."""

    def __init__(
        self,
        settings: HubSettings,
        *,
        subscriptions: Iterable[Subscription],
        on_session: Callable[[bool], None],
        on_arrival: Callable[[Arrival], None],
        on_up: Callable[[], None],
        on_taken_over: Callable[[], None] = lambda: None,
    ) -> None:
        """As `Connection`; `on_up` runs after each connect, once publishing works.

        `on_taken_over` runs once if another client takes our client id; the link stays down then,
        as the two would throw each other out for ever, and `fault` says so.
        """
        self.fault: TakenOver | None = None
        self._settings = settings
        self._subscriptions = tuple(subscriptions)
        self._on_session = on_session
        self._on_arrival = on_arrival
        self._on_up = on_up
        self._on_taken_over = on_taken_over
        self._changed = threading.Condition()
        self._connection: Connection | None = None  # None: down
        self._latest: Connection | None = None  # up, being made or over
        self._closing = False
        self._keeper: threading.Thread | None = None

    def open(self) -> None:
        """Connect for the first time; afterwards a lost connection is made again.

        Raises:
            BrokerError: says what to do about it.
        """
        wanted = self._settings.mqtt_version
        try:
            connection = self._connect("5" if wanted == "auto" else wanted)
        except VersionRefused as refused:
            if wanted != "auto":
                raise
            if self._settings.share:
                raise BrokerError(
                    f"{self._settings.broker} speaks no MQTT 5 ({refused}), and shared "
                    "subscriptions are MQTT 5: use another broker, or one hub without --share"
                ) from refused
            _log.warning("broker.refused_mqtt_5", reason=str(refused))
            connection = self._connect("3.1.1")
        if connection.version == "3.1.1":
            _log.warning(
                "broker.mqtt_3_1_1",
                lost="utterances that wait at the broker do not expire, commands do not expire, "
                "and the broker may send more than the queue holds",
            )
        self._keeper = threading.Thread(target=self._keep, args=[connection], name="mqtt-link",
                                        daemon=True)
        self._keeper.start()

    def follow(self, subscriptions: Iterable[Subscription]) -> None:
        """Hear these topics from now on, and no others; after reconnects too."""
        with self._changed:  # no connection is made of the old ones meanwhile
            self._subscriptions = tuple(subscriptions)
            connection = self._latest
        if connection:
            connection.follow(self._subscriptions)

    def wait_up(self, deadline: float) -> bool:
        """Whether the link is up, at the latest at the (monotonic) deadline; False when closing."""
        with self._changed:
            self._changed.wait_for(self._decided, deadline - time.monotonic())
            return self._connection is not None and not self._closing

    @property
    def version(self) -> Version:
        """Which MQTT the latest connection speaks."""
        return self._latest.version if self._latest else "5"

    @property
    def closing(self) -> bool:
        """Whether `give_up` was called."""
        return self._closing

    def send(self, message: Message) -> bool:
        """Publish without waiting, QoS 1; False when it cannot go out. For the network thread.

        Works as soon as messages arrive, which is before the link counts as up.
        """
        connection = self._latest
        return connection is not None and connection.send(message)

    def publish(self, message: Message, deadline: float) -> None:
        """Publish and wait until the broker has it, over reconnects, QoS 1.

        Raises:
            Undelivered: not before the (monotonic) deadline, not permitted, or closing.
        """
        while True:
            with self._changed:
                self._changed.wait_for(self._decided, max(0.0, deadline - time.monotonic()))
                connection = self._connection
            if connection is None:
                raise Undelivered(f"no connection to {self._settings.broker}")
            if connection.publish(message, deadline):
                return
            self._lost(connection)

    def publish_all(self, messages: Iterable[Message], seconds: float) -> bool:
        """Publish many without filling the queue of what waits for the broker, in which others
        want room too: after some of them, wait for the broker. What it forbids is left out.

        Returns:
            False: at some point it took none for so many seconds, or the link is closing; the rest
            was not published.
        """
        for at, message in enumerate(messages, start=1):
            if at % _AT_ONCE and self.send(message):
                continue
            try:
                self.publish(message, time.monotonic() + seconds)
            except NotPermitted as error:
                _log.warning("publish.undelivered", reason=str(error))
            except Undelivered as error:
                _log.warning("publish.given_up", reason=str(error), published=at - 1)
                return False
        return True

    def give_up(self) -> None:
        """From now on, nothing waits for a connection that is down."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def close(self) -> None:
        """Say offline and disconnect; the broker keeps the session and what we did not handle."""
        self.give_up()
        if connection := self._connection:
            self._farewell(connection)
        if self._keeper:
            self._keeper.join(3 * self._settings.connect_seconds)

    def _connect(self, version: Version) -> Connection:
        client_id = self._settings.client_id
        with self._changed:
            connection = self._latest = Connection(
                self._settings,
                version,
                will=status(client_id, "offline"),
                subscriptions=self._subscriptions,
                on_session=self._on_session,
                on_arrival=self._on_arrival,
            )
        connection.open()
        deadline = time.monotonic() + self._settings.connect_seconds
        try:
            born = connection.publish(status(client_id, "online"), deadline)
        except BaseException:
            connection.close()
            raise
        if not born:
            raise BrokerError(f"{self._settings.broker} hung up: {connection.reason}")
        with self._changed:
            closing = self._closing
            if not closing:
                self._connection = connection
                self._changed.notify_all()
        if closing:
            self._farewell(connection)
        else:
            _log.info("broker.connected", broker=str(self._settings.broker), mqtt=version)
            try:
                self._on_up()
            except Exception as error:  # the connection is good, whatever is wrong with who hears
                _log.error("link.on_up_failed", fault=fault(error))
        return connection

    def _farewell(self, connection: Connection) -> None:
        try:
            deadline = time.monotonic() + self._settings.connect_seconds
            connection.publish(status(self._settings.client_id, "offline"), deadline)
        except Undelivered as error:
            _log.warning("farewell.undelivered", reason=str(error))
        connection.close()

    def _keep(self, connection: Connection) -> None:
        """Wait for the end of each connection and make the next one."""
        delay, brief, client_id = _FIRST_DELAY_SECONDS, 0, self._settings.client_id
        while True:
            opened = time.monotonic()
            connection.ended.wait()
            self._lost(connection)
            if connection.taken_over and not self._closing:
                self._give_way()
                return
            if time.monotonic() - opened > _STABLE_SECONDS:
                delay, brief = _FIRST_DELAY_SECONDS, 0
            brief += 1
            if brief % _SUSPICIOUS == 0:
                # subtle: MQTT 3.1.1, and mosquitto 2.0.11 with MQTT 5, take over without a word.
                _log.warning("broker.keeps_hanging_up", times=brief, client_id=client_id,
                             hint="another hub may use this client id; choose another --client-id")
            while True:
                if self._closed_within(delay):
                    return
                delay = min(2 * delay, _LONGEST_DELAY_SECONDS)
                try:
                    connection = self._connect(connection.version)
                    break
                except BrokerError as error:
                    if self._latest and self._latest.taken_over:
                        self._give_way()
                        return
                    _log.warning("broker.unreachable", reason=str(error), again_in_seconds=delay)
                except Exception as error:
                    # subtle: a certificate that is just being renewed cannot be read, say. Without
                    # this thread the hub would run on, deaf for ever.
                    reason = str(error) if isinstance(error, IotcallError) else fault(error)
                    _log.error("broker.not_tried", reason=reason, again_in_seconds=delay)

    def _give_way(self) -> None:
        """Another hub has our session and what we did not handle: leave both to it."""
        self.fault = TakenOver(
            f"another hub has connected to {self._settings.broker} with this hub's client id "
            f"{self._settings.client_id!r}; stop one of the two, or give one another --client-id")
        self.give_up()
        self._on_taken_over()

    def _lost(self, connection: Connection) -> None:
        with self._changed:
            if self._connection is not connection:
                return
            self._connection = None
            self._changed.notify_all()
            if not self._closing:
                _log.warning("broker.lost", reason=connection.reason)

    def _closed_within(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._closing, seconds)

    def _decided(self) -> bool:
        return self._connection is not None or self._closing
