"""The home as it is now: file and announcements in, devices out. Leaves out: the connection.

Announcements arrive on the network thread in hundreds at once; a thread of its own makes the home
anew when they have been heard, and hands it to whoever follows.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

import structlog

from iotcall.devices import Device, DeviceStates, Home, Publication
from iotcall.devices.discovery import Registry
from iotcall.hub.logs import fault

_SETTLE_SECONDS = 0.2
"""How long announcements are gathered before the home is made anew."""

_log = structlog.get_logger(__name__)


class Household:
    """Thread-safe; `home` is replaced, never changed."""

    def __init__(self, home: Home, client_id: str, *,
                 on_change: Callable[[Home], None],
                 send: Callable[[Sequence[Publication]], object]) -> None:
        """`on_change` hears every new home, `send` publishes what discoveries and devices ask, and
        may wait for room; both on the thread of `run`."""
        self.states = DeviceStates(home)
        self.home = home
        self._registry = Registry(home.file, client_id=client_id) if (
            home.file.discovery.sources) else None
        self._on_change, self._send = on_change, send
        self._lock = threading.Lock()
        self._due = threading.Event()
        self._unasked = threading.Event()
        self._ended = threading.Event()

    def filters(self) -> tuple[str, ...]:
        """Topic filters to hear now: announcements, and what the devices say."""
        announced = self._registry.subscriptions() if self._registry else ()
        return tuple(sorted({*announced, *self.states.topics()}))

    def heard(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take in a message that is no utterance. For the network thread."""
        if self._registry:
            with self._lock:
                due = self._registry.take(topic, payload)
            if due:
                self._due.set()
        self.states.feed(topic, payload, retained=retained)

    def run(self) -> None:
        """Body of the thread that follows the announcements; returns after `stop`."""
        while not self._ended.is_set():
            self._due.wait()
            if self._unasked.is_set():
                self._unasked.clear()
                self._ask(self.home.devices)
            if self._ended.wait(_SETTLE_SECONDS):
                return
            self._due.clear()
            try:
                self._renew()
            except Exception as error:  # announcements are anybody's: the next ones may do
                _log.error("home.not_renewed", fault=fault(error))
            if self._unasked.is_set():  # asked for since
                self._due.set()

    def stop(self) -> None:
        """End `run`."""
        self._ended.set()
        self._due.set()

    def ask_all(self) -> None:
        """Have `run` ask every device for its state; does not wait for it.

        subtle: hundreds of questions are more than may wait for the broker at once, and who calls
        this keeps the connection.
        """
        self._unasked.set()
        self._due.set()

    def _renew(self) -> None:
        if self._registry is None:
            return
        with self._lock:
            changed, asks = self._registry.renew(), self._registry.asks()
            home = self._registry.home
        self._send(asks)
        if not changed:
            return
        known = {device.id for device in self.home.devices}
        self.home = home
        self.states.follow(home)
        self._on_change(home)
        self._ask([device for device in home.devices if device.id not in known])
        _log.info("home.changed", devices=len(home.devices), missing=len(home.missing))

    def _ask(self, devices: Iterable[Device]) -> None:
        self._send(tuple(dict.fromkeys(
            publication for device in devices for publication in device.asks)))
