"""What the owner can watch: metrics, audit, health on MQTT, systemd. Leaves out: each of them.

The daemon's threads tell it every turn; it tells whoever looks.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from queue import Full, Queue
from types import TracebackType

import msgspec
import structlog

from iotcall.hub.audit import AuditLog
from iotcall.hub.listener import MetricsListener
from iotcall.hub.metrics import HubMetrics
from iotcall.hub.notify import Notifier
from iotcall.hub.topics import Message
from iotcall.hub.turn import TurnRecord

_HEALTH_SECONDS = 30.0
_ASIDE_LIMIT = 1024
"""Records of what was refused that wait for the disk."""
_FLUSH_SECONDS = 5.0
"""Longest wait for them at the end."""

_log = structlog.get_logger(__name__)


class Watch:
    """Thread-safe; a context manager: it watches from `begin` to the block's end."""

    def __init__(self, client_id: str, *, queue: Callable[[], int], devices: Callable[[], int],
                 audit: AuditLog | None = None, listen: tuple[str, int] | None = None,
                 notifier: Notifier | None = None) -> None:
        self.metrics = HubMetrics(queue=queue, devices=devices)
        self._topic = f"iotcall/{client_id}/health"
        self._audit, self._notifier = audit, notifier or Notifier()
        self._lock = threading.Lock()
        self._aside: Queue[TurnRecord | None] = Queue(_ASIDE_LIMIT)  # None: the end
        self._overrun = 0  # records that found no room in there
        self._writer = threading.Thread(target=self._write_aside, name="audit", daemon=True)
        self._ended = threading.Event()
        self._listener = MetricsListener(listen, metrics=self.metrics.text) if listen else None
        for fault in audit.faults if audit else ():
            _log.error("audit.altered", fault=str(fault))

    def turn(self, record: TurnRecord) -> None:
        """One utterance was handled; it is in the audit when this returns."""
        self.metrics.turn(record)
        self._write(record)

    def refused(self, record: TurnRecord) -> None:
        """One utterance will not be handled; it will be in the audit. For the network thread, as
        it does not wait for the disk: in a flood, what the disk cannot take is counted as lost."""
        self.metrics.turn(record)
        if self._audit is None:
            return
        try:
            self._aside.put_nowait(record)
        except Full:
            self._overrun += 1
            self.metrics.store_failed()
            _log.error("audit.overrun", records=self._overrun)

    def begin(self, send: Callable[[Message], bool], alive: Callable[[], bool]) -> None:
        """The hub serves: say so, and go on saying so while `alive` does."""
        if self._listener:
            self._listener.start()
        self._notifier.ready()
        self._notifier.watch(alive)
        threading.Thread(target=self._tell, args=[send], name="health", daemon=True).start()

    def end(self) -> None:
        """The hub is told to end."""
        self._ended.set()
        self._notifier.stopping()

    def __enter__(self) -> Watch:
        self._writer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._ended.set()
        with contextlib.suppress(Full):  # then the disk has been stuck for long
            self._aside.put(None, timeout=_FLUSH_SECONDS)
            self._writer.join(_FLUSH_SECONDS)
        self._notifier.close()
        if self._listener:
            self._listener.close()

    def _write(self, record: TurnRecord) -> None:
        if self._audit is None:
            return
        with self._lock:
            fault = self._audit.append(record)
        if fault:
            self.metrics.store_failed()
            _log.error("audit.unwritten", reason=fault)

    def _write_aside(self) -> None:
        lost = 0
        while (record := self._aside.get()) is not None:
            if self._audit and (more := self._overrun - lost):
                with self._lock:
                    self._audit.lose(more)
                lost += more
            self._write(record)

    def _tell(self, send: Callable[[Message], bool]) -> None:
        while True:
            with self._lock:
                head = self._audit.head if self._audit else None
            send(Message(self._topic, msgspec.json.encode(
                {**self.metrics.snapshot(), "audit": head}), retain=True))
            if self._ended.wait(_HEALTH_SECONDS):
                return
