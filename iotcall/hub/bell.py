"""Ring the timers that have run out. Leaves out: keeping them (store), setting them (chores)."""

from __future__ import annotations

import threading
import time

import structlog

from iotcall.dialogue.house.settings import Replies
from iotcall.errors import StoreError
from iotcall.hub.chores import rung
from iotcall.hub.exchange import Undelivered
from iotcall.hub.link import Link
from iotcall.hub.topics import say
from iotcall.store import Due, Store

_LOOK_SECONDS = 0.5
_TELL_SECONDS = 10.0
"""Longest wait for the broker; a timer that could not be told stays on the disk."""
_DUTY_SECONDS = 15.0
"""Of several workers one rings for all, as long as it looks; longer than telling takes."""

_log = structlog.get_logger(__name__)


class Bell:
    """Body of a thread of its own."""

    def __init__(self, store: Store, link: Link, replies: Replies) -> None:
        self._store, self._link, self._replies = store, link, replies
        self._ended = threading.Event()

    def run(self) -> None:
        """Ring until `stop`."""
        while not self._ended.wait(_LOOK_SECONDS):
            try:
                if self._is_on_duty():
                    for due in self._store.timers.due():
                        self._ring(due)
            except StoreError as error:
                _log.error("timers.unread", reason=str(error))

    def stop(self) -> None:
        """End `run`."""
        self._ended.set()

    def _is_on_duty(self) -> bool:
        if self._store.shared and not self._link.wait_up(time.monotonic()):
            return False  # another can be heard
        return self._store.sharing.is_ours("bell", _DUTY_SECONDS)

    def _ring(self, due: Due) -> None:
        try:
            self._link.publish(say(due.timer.site or "default", rung(due, self._replies)),
                               time.monotonic() + _TELL_SECONDS)
        except Undelivered as error:
            _log.error("timer.untold", reason=str(error))
            return
        _log.info("timer.rung", site_id=due.timer.site, late_seconds=round(due.late_seconds, 1))
        self._store.timers.finish(due.timer.id)
