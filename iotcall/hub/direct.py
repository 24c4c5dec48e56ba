"""Utterances that come by Wyoming, through the same queue and worker as those by MQTT.

Leaves out: the protocol (wyoming), what an utterance comes to (worker).
"""

from __future__ import annotations

import queue

from iotcall.hub.inbox import Inbox
from iotcall.hub.responses import BUSY
from iotcall.hub.topics import Heard
from iotcall.hub.turn import TurnRecord
from iotcall.hub.wyoming import Answered, Said

_LATE = "I cannot tell yet what came of that."


def ask_directly(inbox: Inbox, said: Said, seconds: float) -> Answered:
    """What came of an utterance; waits for so long at most."""
    told: queue.SimpleQueue[TurnRecord] = queue.SimpleQueue()
    heard = Heard(text=said.text, site_id=said.site_id, session_id=said.session_id)
    if not inbox.offer(heard, told.put):
        return Answered(text=BUSY, handled=False)
    try:
        record = told.get(timeout=seconds)
    except queue.Empty:
        return Answered(text=_LATE, handled=False)
    return Answered(text=record.reply,
                    handled=record.outcome not in ("not_recognised", "failed", "busy"))
