"""Which utterances workers have in hand, so that another delivery of one is known for it.

Leaves out: when one is in hand (the hub). Packet identifiers say nothing to another worker, and a
broker that gives a message to another client gives it as new (MQTT 5, 3.3.1.1). So whoever takes an
utterance in hand notes it under its digest, and drops the note when it cannot come again.
"""

from __future__ import annotations

import msgspec

from iotcall.store.backend import Backend, Drop, Prune, Put, read_body
from iotcall.store.clocks import Clocks

_KEPT = 10_000
"""Notes; they are dropped after moments, but for those of workers that ended in between."""


class Hands:
    """Call it while the utterance's site is locked: then a note is one that was left behind."""

    def __init__(self, backend: Backend, clocks: Clocks) -> None:
        self._backend, self._clocks = backend, clocks

    def take(self, digest: str, site: str, key: str, *, seconds: float) -> str | None:
        """Note an utterance; the key of the delivery for which a note was left behind, if one was.

        `seconds`: for how long a broker may deliver again what it has delivered once.
        """
        now = self._clocks.wall()
        row = self._backend.row("hand", digest)
        left = None if row is None or now - row.at >= seconds else read_body(row, str)
        self._backend.commit([
            Put(kind="hand", key=digest, site=site, at=now, body=msgspec.json.encode(left or key)),
            Prune(kind="hand", keep=_KEPT, since=now - seconds)], durable=False)
        return left

    def drop(self, digest: str) -> None:
        """It is finished, and the broker knows."""
        self._backend.commit([Drop("hand", digest)], durable=False)
