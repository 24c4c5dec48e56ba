"""The dialogues of all sites, over restarts where there is a store. Leaves out: what is said.

Used by the worker only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import msgspec
import structlog

from iotcall.devices import Home
from iotcall.dialogue import DialogueSettings, Session, SessionStore
from iotcall.dialogue.record import restore, written
from iotcall.errors import LimitError, StoreError
from iotcall.hub.logs import fault
from iotcall.store import Store

_log = structlog.get_logger(__name__)


class Sites:
    """Sessions by site."""

    def __init__(self, dialogue: DialogueSettings, home: Callable[[], Home],
                 store: Store | None) -> None:
        self._dialogue, self._home, self._store = dialogue, home, store
        self._sessions = SessionStore(dialogue, on_new=self._recall)
        self.up_at = math.inf
        """When the broker had taken our birth: an earlier yes may be older than its question."""

    def of(self, site_id: str) -> Session:
        """The site's session."""
        return self._sessions.of(site_id)

    def keep(self, session: Session) -> None:
        """Keep the site's session over a restart."""
        if self._store is None:
            return
        try:
            self._store.sessions.put(session.site_id, written(session, time.monotonic()),
                                     seconds=self._dialogue.session_seconds)
        except (StoreError, LimitError) as error:
            _log.warning("session.unwritten", site_id=session.site_id, reason=str(error))

    def _recall(self, session: Session) -> None:
        """Put what an earlier run knew of the site into its session."""
        if self._store is None:
            return
        try:
            kept = self._store.sessions.get(session.site_id)
            if kept and kept.age_seconds <= self._dialogue.session_seconds:
                restore(session, kept.body, self._home(), time.monotonic(),
                        age_seconds=kept.age_seconds, questions=kept.same_boot,
                        asked_at=self.up_at)
        except (StoreError, msgspec.MsgspecError) as error:
            _log.warning("session.unread", site_id=session.site_id, fault=fault(error))
