"""The dialogues of all sites, over restarts where there is a store. Leaves out: what is said.

Used by the worker only. Where workers share a store, each utterance finds its site's session there,
and leaves it there.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator

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
        self.shared = store is not None and store.shared
        """Whether another worker may have the next utterance of a site."""

    def came_up(self) -> None:
        """The broker has taken our birth. To a worker that was away it may bring a yes that is
        older than a question which another has asked meanwhile."""
        now = time.monotonic()
        self.up_at = now if self.shared else min(self.up_at, now)

    def of(self, site_id: str) -> Session:
        """The site's session."""
        if not self.shared:
            return self._sessions.of(site_id)
        session = Session(site_id, self._dialogue.history_turns)
        self._recall(session)
        return session

    @contextlib.contextmanager
    def in_hand(self, site_id: str) -> Iterator[Session]:
        """The site's session; whatever becomes of it in the block is there for other workers."""
        session = self.of(site_id)
        try:
            yield session
        finally:
            self.share(session)

    def share(self, session: Session) -> None:
        """Let other workers see what the session is now."""
        if self.shared:
            self.keep(session)

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
                now = time.monotonic()
                asked_at = max(self.up_at, now - kept.age_seconds) if self.shared else self.up_at
                restore(session, kept.body, self._home(), now, age_seconds=kept.age_seconds,
                        questions=kept.same_boot, asked_at=asked_at)
        except (StoreError, msgspec.MsgspecError) as error:
            _log.warning("session.unread", site_id=session.site_id, fault=fault(error))
