"""What the broker sent and we have not acknowledged yet. Leaves out: what the messages say.

The broker keeps a QoS 1 message until we acknowledge it, and sends it again on the next
connection. So a message is acknowledged when it has been handled and no sooner, in the order of
arrival (MQTT 5, 4.6: MQTT-4.6.0-2), and one that is in hand or was handled is not handled twice.
"""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable

from iotcall.hub.exchange import Arrival

_REMEMBERED = 512  # messages by which a redelivery is known, if they were handled


class Entry:
    """One message, over all its deliveries."""

    def __init__(self, digest: bytes) -> None:
        self.digest = digest
        self.handled = False
        self.acknowledged = False


class Ledger:
    """The messages of one session with the broker. Thread-safe; never blocks for long."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Of this connection, in order; without the payload, which may be long.
        self._due: deque[tuple[Entry, Callable[[], None]]] = deque()
        self._known: dict[int, Entry] = {}  # packet identifier -> what it last stood for

    def connected(self, session_present: bool) -> None:
        """A new connection: nothing can be acknowledged until it has been delivered again.

        Without a session the packet identifiers mean nothing any more.
        """
        with self._lock:
            self._due.clear()
            if not session_present:
                self._known.clear()

    def arrived(self, arrival: Arrival) -> Entry | None:
        """A new entry for a new message; None for one that is in hand or was handled already."""
        digest = hashlib.sha256(arrival.topic.encode() + b"\0" + arrival.payload).digest()
        if arrival.qos == 0:  # delivered once, kept by nobody
            return Entry(digest)
        with self._lock:
            entry = self._known.pop(arrival.mid, None)
            known = entry is not None and arrival.dup and entry.digest == digest
            if entry is None or not known:
                entry = Entry(digest)
            self._known[arrival.mid] = entry
            self._due.append((entry, arrival.acknowledge))
            self._forget()
            self._acknowledge()
            return None if known else entry

    def handled(self, entry: Entry) -> None:
        """Nothing more will be done about it: acknowledge it as soon as its turn comes."""
        with self._lock:
            entry.handled = True
            self._acknowledge()

    def _acknowledge(self) -> None:
        while self._due and self._due[0][0].handled:
            entry, acknowledge = self._due.popleft()
            acknowledge()
            entry.acknowledged = True

    def _forget(self) -> None:
        for mid in list(self._known)[: max(0, len(self._known) - _REMEMBERED)]:
            if self._known[mid].handled:
                del self._known[mid]
