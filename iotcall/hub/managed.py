"""Sessions that a dialogue manager runs: its query is what counts, not the transcript before it.

Rhasspy's manager hears each `textCaptured` of its sessions and makes an `nlu/query` of it, which
carries the session's intent filter and custom data. So the transcript is held for a moment, and
done by itself only where no query follows. Leaves out: sessions that nobody manages.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from iotcall.hub.ledger import Entry
from iotcall.hub.topics import Heard

_WAIT_SECONDS = 1.0
"""A manager that has not asked by then is gone."""
_REMEMBERED = 64


class Managed:
    """Fed by the network thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, None] = OrderedDict()
        self._held: dict[str, tuple[Entry, threading.Timer]] = {}

    def started(self, session_id: str) -> None:
        """A manager has started a session."""
        with self._lock:
            self._sessions[session_id] = None
            while len(self._sessions) > _REMEMBERED:
                self._sessions.popitem(last=False)

    def holds(self, heard: Heard, entry: Entry, alone: Callable[[], None]) -> bool:
        """Whether a transcript waits for its manager's query; `alone` is called, on a thread of its
        own, when none comes."""
        session_id = heard.session_id
        with self._lock:
            if session_id is None or session_id not in self._sessions or session_id in self._held:
                return False
            timer = threading.Timer(_WAIT_SECONDS, self._expired, [session_id, alone])
            timer.daemon = True
            self._held[session_id] = entry, timer
        timer.start()
        return True

    def released(self, heard: Heard) -> Entry | None:
        """The transcript that a query stands for, which needs no handling any more."""
        with self._lock:
            held = self._held.pop(heard.session_id or "", None)
        if held is None:
            return None
        held[1].cancel()
        return held[0]

    def _expired(self, session_id: str, alone: Callable[[], None]) -> None:
        with self._lock:
            if self._held.pop(session_id, None) is None:
                return
        alone()
