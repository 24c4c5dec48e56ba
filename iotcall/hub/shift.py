"""What one of several workers on a store minds, and one alone need not. Leaves out: what is said.

Workers share a subscription: the broker gives each utterance to one of them (MQTT 5, 4.8.2).
Then two utterances of a site may be with two workers, a message may come to another worker as new
after its first one has died, and the two messages that Rhasspy makes of one utterance part.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable

import msgspec
import structlog

from iotcall.errors import StoreError
from iotcall.hub.inbox import ECHO_SECONDS, Waiting, echo_key
from iotcall.hub.link import Link
from iotcall.hub.settings import HubSettings
from iotcall.store import Store

_LOOK_SECONDS = 1.0  # how often somebody looks for workers that are gone
_UNSETTLED_LIMIT = 64  # of the others the notes grow old
_HEIR_SECONDS = 30.0  # longest time to settle what one of them has left

_log = structlog.get_logger(__name__)


class Shift:
    """Used by the worker only; alone, nothing here does anything."""

    def __init__(self, settings: HubSettings, link: Link, store: Store | None) -> None:
        self._settings, self._link = settings, link
        self._store = store if store is not None and store.shared else None
        self._unsettled: list[Waiting] = []

    def turn(self, site_id: str, deadline: float) -> contextlib.AbstractContextManager[None]:
        """Hold the site; `deadline` is monotonic.

        Raises:
            StoreError: nobody can say who serves the site, or another worker does still.
        """
        return self._store.lock(site_id, deadline) if self._store else contextlib.nullcontext()

    def taken(self, waiting: Waiting) -> Waiting | None:
        """The utterance, under the key of its first delivery; None: another topic brought it."""
        if self._store is None or not waiting.topic:
            return waiting
        if said := echo_key(waiting.heard):
            of = hashlib.sha256(msgspec.json.encode(said)).hexdigest()
            if self._store.sharing.is_echo(of, waiting.topic, ECHO_SECONDS):
                return None
        left = self._store.hands.take(
            waiting.entry.digest.hex(), waiting.heard.site_id, waiting.key,
            seconds=self._settings.session_expiry_seconds)
        if left is None:
            return waiting
        _log.warning("utterance.inherited", site_id=waiting.heard.site_id)
        return msgspec.structs.replace(waiting, key=left, first_delivery=False)

    def settled(self, waiting: Waiting) -> None:
        """It was handled, and acknowledged if the connection on which it came is up still.

        Until it is, the broker may give it to another worker, which must know it then.
        """
        if self._store is None or not waiting.topic:
            return
        self._unsettled = [*self._unsettled[1 - _UNSETTLED_LIMIT:], waiting]
        if not self._link.wait_up(time.monotonic()):
            return
        for each in [each for each in self._unsettled if each.entry.acknowledged]:
            try:
                self._store.hands.drop(each.entry.digest.hex())
            except StoreError as error:
                _log.warning("hand.not_dropped", reason=str(error))
            self._unsettled.remove(each)


class Heir:
    """Looks after what workers have left that are gone. Body of a thread of its own."""

    def __init__(self, store: Store, link: Link, inherit: Callable[[str], None]) -> None:
        """`inherit` settles what a run has left open."""
        self._store, self._link, self._inherit = store, link, inherit
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until `stop`."""
        while not self._ended.wait(_LOOK_SECONDS):
            try:
                self._look()
            except Exception as error:  # the store is away, say: what was left is left longer
                _log.error("heir.failed", reason=str(error))

    def stop(self) -> None:
        """End `run`."""
        self._ended.set()

    def _look(self) -> None:
        if not self._link.wait_up(time.monotonic()):
            return
        for gone in self._store.sharing.gone():
            if not self._store.sharing.is_ours(f"heir of {gone}", _HEIR_SECONDS):
                continue
            _log.warning("worker.gone", run=gone)
            self._inherit(gone)
            self._store.sharing.forget(gone)
