"""Shelly Gen2 and later: JSON-RPC over MQTT. Leaves out: what a component is, and Gen1.

    <id>/online        true or false, retained: the announcement
    <id>/rpc           questions and commands, {"id", "src", "method", "params"}
    <src>/rpc          their answers, {"id", "result"} or {"id", "error": {"message"}}
    <id>/events/rpc    NotifyStatus with the states, NotifyEvent when the configuration changed

Nothing describes a device by itself, so whoever says that it is there is asked three questions;
once all are answered, its components become devices (`shelly_components`). It needs "RPC status
notifications over MQTT", which is the default.

Source: https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Mqtt and
https://shelly-api-docs.shelly.cloud/gen2/General/RPCProtocol
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from iotcall.devices.device import Device, Source
from iotcall.devices.discovery.base import MAX_DEVICES, is_topic, log, read_json
from iotcall.devices.discovery.shelly_components import Gadget, devices_of
from iotcall.devices.points import Publication

MAX_ANSWER_BYTES = 65_536
"""A configuration has some ten thousand. Kept as it was said: parsed, it may take twenty times as
much."""
_QUESTIONS = {1: "Shelly.GetDeviceInfo", 2: "Shelly.GetConfig", 3: "Shelly.GetStatus"}
"""Our number -> method: the answer says the number only."""
_LEVEL = r"[^/+#$\s][^/+#\s]{0,63}"


class ShellyDiscovery:
    """The devices below one prefix; see `base.Discovery`."""

    source: Source = "shelly"

    def __init__(self, prefix: str, client_id: str) -> None:
        """`prefix` is what stands before <id>, usually nothing; answers come below `client_id`."""
        self._prefix = f"{prefix.rstrip('/')}/" if prefix else ""
        self._replies = f"{client_id}/shelly"
        self._topics = re.compile(
            rf"(?P<reply>{re.escape(self._replies)})/(?P<asked>{_LEVEL})/rpc"
            rf"|{re.escape(self._prefix)}(?P<id>{_LEVEL})/(?P<what>online|events/rpc)")
        self._known: dict[str, dict[int, bytes]] = {}  # id -> question -> answer, as it was said
        self._due: dict[str, None] = {}  # ids to ask, in order
        self._made: dict[str, tuple[Device, ...]] = {}

    def subscriptions(self) -> tuple[str, ...]:
        return (f"{self._prefix}+/events/rpc", f"{self._prefix}+/online",
                f"{self._replies}/+/rpc")

    def take(self, topic: str, payload: bytes) -> bool:
        """Take in a sign of life (an empty one takes the device away), an answer or an event."""
        matched = self._topics.fullmatch(topic)
        if matched is None:
            return False
        if matched["reply"]:
            return self._take_answer(matched["asked"], payload, topic)
        if matched["what"] == "online":
            return self._take_online(matched["id"], payload)
        if matched["id"] in self._known and b"config_changed" in payload:
            self._ask(matched["id"])
        return False

    def devices(self) -> tuple[Device, ...]:
        return tuple(sorted((device for made in self._made.values() for device in made),
                            key=lambda device: device.id))

    def asks(self) -> tuple[Publication, ...]:
        """The three questions to everybody who has come on line or was changed since."""
        due, self._due = self._due, {}
        return tuple(
            Publication(f"{self._prefix}{key}/rpc", msgspec.json.encode(
                {"id": number, "src": f"{self._replies}/{key}", "method": method}))
            for key in due for number, method in _QUESTIONS.items())

    def _ask(self, key: str) -> None:
        self._due[key] = None

    def _take_online(self, key: str, payload: bytes) -> bool:
        if payload == b"true":
            if key not in self._known and (len(self._known) >= MAX_DEVICES
                                           or not is_topic(f"{self._prefix}{key}/rpc")):
                return False
            self._known.setdefault(key, {})
            self._ask(key)
        elif not payload:
            self._known.pop(key, None)
            self._due.pop(key, None)
            return self._made.pop(key, None) is not None
        return False

    def _take_answer(self, key: str, payload: bytes, topic: str) -> bool:
        answers = self._known.get(key)
        if len(payload) > MAX_ANSWER_BYTES:
            log.warning("announcement_malformed", kind="too_long", topic=topic)
            return False
        said = read_json(payload, topic)
        if answers is None or not isinstance(said, dict):
            return False
        number, result = said.get("id"), said.get("result")
        if not isinstance(number, int) or number not in _QUESTIONS or not (
                isinstance(result, dict) or "error" in said):
            return False
        answers[number] = payload
        if answers.keys() != _QUESTIONS.keys():
            return False
        info, config, status = (_result(answers[each], topic) for each in sorted(_QUESTIONS))
        made = devices_of(Gadget(
            key=key, topic=f"{self._prefix}{key}", replies=f"{self._replies}/{key}",
            info=info, config=config, status=status))
        before, self._made[key] = self._made.get(key, ()), made
        return made != before


def _result(answer: bytes, topic: str) -> dict[str, Any]:
    """What it will not tell is taken as empty: it shall not hide the rest."""
    result = read_json(answer, topic).get("result")
    return result if isinstance(result, dict) else {}
