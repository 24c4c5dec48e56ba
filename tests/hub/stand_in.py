"""`iotcall hub` with a stand-in for the student: python stand_in.py --broker URL --gates FOLDER.

Understands "<room> lights on|off", "unlock|lock <door>", "and <room>", "thermostat <degrees>",
"thermostat to <anything>" (80), "scene <name>", "status <kind>", "mumble", "crash", "dither", and
"hold <gate> <utterance>", which is decoded only once <gate>.open exists. With --answers FILE it
writes what a file of labelled dialogues says instead (`iotcall.evaluate.marked`).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from iotcall.catalogue import ToolCall, load_catalogue
from iotcall.devices import load_home
from iotcall.dialogue import read_dialogue
from iotcall.errors import IotcallError
from iotcall.evaluate.marked import MarkedTurn, read_marked
from iotcall.hub.daemon import run_hub
from iotcall.hub.fallback import Fallback, open_router
from iotcall.hub.logs import configure_logs
from iotcall.hub.settings import HubSettings, check_settings, read_broker
from iotcall.hub.wyoming import read_address
from iotcall.runtime import Decoding, Others, Turn
from iotcall.shipped import shipped
from iotcall.store import StoreSettings, open_store
from tests.hub.fallback.conftest import grounding_of
from tests.hub.killed import kill_at

CALLS: list[tuple[str, Callable[[re.Match[str]], ToolCall]]] = [
    (r"(\w+) lights (on|off)", lambda m: ToolCall("toggle_lights", {"room": m[1], "state": m[2]})),
    (r"lights (on|off)", lambda m: ToolCall("toggle_lights", {"state": m[1]})),
    (r"(lock|unlock) (\w+)", lambda m: ToolCall("lock_door", {"door": m[2], "state": m[1]})),
    (r"thermostat (\d+)", lambda m: ToolCall("set_thermostat", {"temperature": int(m[1])})),
    (r"thermostat to .*", lambda m: ToolCall("set_thermostat", {"temperature": 80})),
    (r"scene (\w+)", lambda m: ToolCall("set_scene", {"scene": m[1]})),
    (r"status (\w+)", lambda m: ToolCall("get_device_status", {"device_type": m[1]})),
    (r".*", lambda m: ToolCall("intent_unclear", {"reason": "off_topic"})),
]


class StandIn:
    """A deterministic student."""

    prior = None

    def __init__(self, gates: Path) -> None:
        self._gates = gates

    def prepare(self, history: Sequence[Turn], *, site: str,
                cancelled: Callable[[], bool]) -> None:
        """Nothing: it is always ready."""

    def expect_names(self, names: Iterable[str]) -> None:
        """Nothing: its patterns take any."""

    def decode(self, history: Sequence[Turn], utterance: str, *, site: str, deadline: float,
               cancelled: Callable[[], bool], others: Others | None) -> Decoding:
        if held := re.fullmatch(r"hold (\w+) (.*)", utterance):
            (self._gates / f"{held[1]}.reached").touch()
            pause = threading.Event()
            while not (self._gates / f"{held[1]}.open").exists():
                pause.wait(0.01)
            utterance = held[2]
        if utterance == "crash":
            raise RuntimeError(f"cannot decode {utterance!r}")
        if utterance == "dither":
            return decoded((), 0.0, outcome="too_slow")
        if also := re.fullmatch(r"and (\w+)", utterance):
            last = history[-1].calls[0]
            return decoded((ToolCall(last.name, {**last.arguments, "room": also[1]}),), 0.9)
        return decoded(calls_of(utterance), 0.1 if utterance == "mumble" else 0.9)


class Labelled(StandIn):
    """A perfect student, of dialogues whose answers are known."""

    def __init__(self, dialogues: Sequence[Sequence[MarkedTurn]]) -> None:
        super().__init__(Path())
        self._turns = [turn for dialogue in dialogues for turn in dialogue]
        self._at = 0

    def decode(self, history: Sequence[Turn], utterance: str, *, site: str, deadline: float,
               cancelled: Callable[[], bool], others: Others | None) -> Decoding:
        # subtle: what the hub answers by itself never comes here, so these turns are passed over
        for at in (*range(self._at, len(self._turns)), *range(self._at)):
            if self._turns[at].utterance == utterance:
                self._at = at + 1
                return decoded(self._turns[at].calls, 0.9)
        return decoded((), 0.0)


def calls_of(utterance: str) -> tuple[ToolCall, ...]:
    """By the table above; ``turn|state=on|target=lamp; undo|`` is written out."""
    if "|" in utterance:
        return tuple(_written(part.strip()) for part in utterance.split(";"))
    for pattern, call in CALLS:
        if found := re.fullmatch(pattern, utterance):
            return (call(found),)
    return ()


def _written(text: str) -> ToolCall:
    name, *arguments = (part for part in text.split("|") if part)
    return ToolCall(name, dict(argument.split("=", 1) for argument in arguments))


def decoded(calls: tuple[ToolCall, ...], confidence: float, outcome: Any = "call") -> Decoding:
    return Decoding(calls=calls, text="", confidence=confidence, outcome=outcome, decisions=1,
                    tokens=1, passes=1, prefill_ms=1.0, decode_ms=0.5)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", default=os.environ.get("IOTCALL_BROKER"))
    parser.add_argument("--home", type=Path,
                        default=shipped("devices") / "homes" / "demo.toml")
    parser.add_argument("--bundle")
    parser.add_argument("--gates", type=Path, default=Path())
    parser.add_argument("--client-id", default="iotcall-hub")
    parser.add_argument("--mqtt-version", default="auto")
    parser.add_argument("--queue", type=int, default=8)
    parser.add_argument("--store")
    parser.add_argument("--share", default="")
    parser.add_argument("--lease-seconds", type=float)
    parser.add_argument("--killed-at")
    parser.add_argument("--fallback")
    parser.add_argument("--fallback-topic", default="")
    parser.add_argument("--wyoming", type=read_address)
    parser.add_argument("--grammar", default="smart_home")
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--acknowledge-seconds", type=float, default=2.0)
    parser.add_argument("--command-seconds", type=float, default=10.0)
    parser.add_argument("--session-expiry-seconds", type=int, default=120)
    given = parser.parse_args()
    configure_logs("info")
    settings = check_settings(HubSettings(
        broker=read_broker(given.broker), client_id=given.client_id,
        mqtt_version=given.mqtt_version, share=given.share, queue=given.queue,
        acknowledge_seconds=given.acknowledge_seconds, command_seconds=given.command_seconds,
        session_expiry_seconds=given.session_expiry_seconds))
    path = shipped("grammars") / given.grammar / "dialogue.toml"
    catalogue = load_catalogue(path.parent)
    dialogue = read_dialogue(path.read_text(), catalogue, path)
    home = load_home(given.home)
    try:
        with contextlib.ExitStack() as stack:
            leases = StoreSettings(lease_seconds=given.lease_seconds) if (
                given.lease_seconds) else None
            store = stack.enter_context(open_store(given.store, leases)) if given.store else None
            student = (Labelled(read_marked(given.answers, catalogue)) if given.answers
                       else StandIn(given.gates))
            if given.killed_at:
                kill_at(given.killed_at, student)
            router = open_router(
                Fallback(url=given.fallback or "", topic=given.fallback_topic, model="big",
                         wait_reply="One moment.", record=True),
                grounding_of(catalogue)[0], environ={}, client_id=given.client_id,
                traces=given.gates / "traces.jsonl"
            ) if given.fallback or given.fallback_topic else None
            run_hub(settings, home, catalogue, dialogue, student, store, given.wyoming, router)
    except IotcallError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
