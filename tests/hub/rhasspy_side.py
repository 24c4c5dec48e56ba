"""Rhasspy's side of the broker: python rhasspy_side.py PORT, where rhasspy-hermes is installed.

Its own client and its own classes. Each line of standard input, {"class": ..., "fields": {...}},
is a message that they make and publish; each line of standard output is one that they have read.
The first line of output says that all is subscribed to. Leaves out: what is asserted.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from typing import Any

import paho.mqtt.client as paho
from rhasspyhermes.asr import AsrTextCaptured
from rhasspyhermes.base import Message
from rhasspyhermes.client import HermesClient
from rhasspyhermes.dialogue import (
    DialogueContinueSession,
    DialogueEndSession,
    DialogueSessionEnded,
    DialogueSessionTermination,
    DialogueSessionTerminationReason,
)
from rhasspyhermes.nlu import NluIntent, NluIntentNotRecognized, NluQuery
from rhasspyhermes.tts import TtsSay

MADE = {kind.__name__: kind for kind in (AsrTextCaptured, NluQuery, DialogueSessionEnded)}
READ = (NluIntent, NluIntentNotRecognized, DialogueContinueSession, DialogueEndSession, TtsSay)


class Side(HermesClient):
    """Reads as Rhasspy's services do, and tells what it has read."""

    async def on_raw_message(self, topic: str, payload: bytes) -> None:
        """Every message comes here first."""
        for message, site_id, _ in self.parse_mqtt_message(
                topic, payload, self.subscribed_types, logger=self.logger):
            told: dict[str, Any] = {
                "class": type(message).__name__, "site": site_id, "sent": json.loads(payload),
                # What is left of it where Rhasspy writes it again.
                "read": json.loads(message.payload()), "mistyped": _mistyped(message, payload)}
            if isinstance(message, NluIntent):
                told["name"] = NluIntent.get_intent_name(topic)
                told["handler"] = message.to_rhasspy_dict()  # what intent handlers get of it
            _tell(told)


def _mistyped(message: Message, payload: bytes) -> dict[str, Any]:
    """Fields that are not of the types that the class declares, which its reader does not check."""
    found: dict[str, Any] = type(message).schema().validate(json.loads(payload))
    return found


def _made(given: dict[str, Any]) -> Message:
    fields = given["fields"]
    if given["class"] == "AsrTextCaptured":  # with tokens, as their speech recognisers have them
        fields["asr_tokens"] = [NluIntent.make_asr_tokens(fields["text"].split())]
    if "termination" in fields:
        fields["termination"] = DialogueSessionTermination(
            DialogueSessionTerminationReason(fields["termination"]))
    return MADE[given["class"]](**fields)


def _tell(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


def main() -> None:
    """Until standard input ends."""
    logging.basicConfig(level=logging.WARNING)
    client = paho.Client()
    side = Side("side", client)
    side.subscribe(*READ)
    pending = set(READ)

    def subscribed(*_: Any) -> None:
        pending.pop()
        if not pending:
            _tell({"class": "ready"})

    client.on_subscribe = subscribed
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.loop_start()

    def publish() -> None:
        for line in sys.stdin:
            side.publish(_made(json.loads(line)))
        client.loop_stop()  # subtle: else a late message meets a loop that is closed
        side.mqtt_on_message(client, None, None)  # their sign to end

    threading.Thread(target=publish, daemon=True).start()
    asyncio.run(side.handle_messages_async())


if __name__ == "__main__":
    main()
