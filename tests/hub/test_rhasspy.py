"""Rhasspy's own Python package at the other end: it makes what the hub hears and reads its answers.

Elsewhere both are written down by us. The package pins an old paho, so it gets an environment of
its own, made once in iotcall's cache folder.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iotcall.devices import load_home
from iotcall.devices.simulated import SimulatedHome
from iotcall.export.providers.environments import cache_folder
from iotcall.shipped import shipped
from tests.hub.actors import DEADLINE_SECONDS, Gates, HubProcess, Mosquitto, Satellite

PACKAGE = "rhasspy-hermes==0.6.2"
"""The last release; it pins its own requirements."""
_MORE = "audioop-lts==0.2.2; python_version >= '3.13'"  # which has no audioop any more
FRONT_SET, BEDROOM_SET = "zigbee2mqtt/front door lock/set", "zigbee2mqtt/bedroom light/set"
_INSTALL_SECONDS = 300
_PROGRAM = Path(__file__).with_name("rhasspy_side.py")


# --- who plays along --------------------------------------------------------------------------


def installed() -> Path:
    """A Python that has the package; skips the test, saying why, where pip cannot install it."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    folder = cache_folder() / "rhasspy" / f"{PACKAGE}-{version}"
    python = folder / "bin" / "python"
    if python.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)  # its interpreter is gone
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        own_pip = importlib.util.find_spec("pip") is not None  # putting pip into it takes longer
        venv.create(partial, with_pip=not own_pip, symlinks=True)
        inner = partial / "bin" / "python"
        done = subprocess.run(
            [sys.executable if own_pip else inner, "-m", "pip", "--python", inner, "--retries", "1",
             "--timeout", "15", "install", "--quiet", "--no-input", "--disable-pip-version-check",
             PACKAGE, _MORE], capture_output=True, text=True, check=False, timeout=_INSTALL_SECONDS)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            pytest.skip(f"pip cannot install {PACKAGE}, which needs a package index: "
                        f"{said[0].strip() if said else 'it does not say why'}")
        with contextlib.suppress(OSError):  # another process was faster
            partial.rename(folder)
    except subprocess.TimeoutExpired:
        pytest.skip(f"pip took more than {_INSTALL_SECONDS} s to install {PACKAGE}")
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return python


class Rhasspy:
    """Its client in a process of its own."""

    def __init__(self, python: Path, port: int, log: Path) -> None:
        self._log = log
        self._changed = threading.Condition()
        self._read: list[dict[str, Any]] = []
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [python, "-W", "error::RuntimeWarning", _PROGRAM, str(port)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        threading.Thread(target=self._listen, daemon=True).start()
        self._wait(lambda told: told["class"] == "ready", "its client is not ready")

    def publish(self, kind: str, **fields: Any) -> None:
        """Have it make a message of this class and publish it, as always with QoS 0."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"class": kind, "fields": fields}) + "\n")
        self._process.stdin.flush()

    def hears(self, kind: str, **fields: Any) -> dict[str, Any]:
        """What it read of the first message of the class with these values, as MQTT names them."""
        return self._wait(
            lambda told: told["class"] == kind and fields.items() <= told["read"].items(),
            f"it heard no {kind} with {fields}")

    def heard(self, **fields: Any) -> list[str]:
        """The classes of all messages so far with these values, in order."""
        with self._changed:
            return [told["class"] for told in self._read
                    if fields.items() <= told.get("read", {}).items()]

    def close(self) -> None:
        """End it; fails where there was something that it could not read, which it only logs."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            assert self._process.wait(DEADLINE_SECONDS) == 0
        finally:
            self._process.kill()
        assert "Traceback" not in self._log.read_text(), self._log.read_text()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self._read.append(json.loads(line))
                self._changed.notify_all()

    def _wait(self, wanted: Any, else_say: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            return next((told for told in self._read if wanted(told)), None)

        with self._changed:
            told = self._changed.wait_for(found, DEADLINE_SECONDS)
            assert told, f"{else_say}; heard {self._read[-8:]}; {self._log.read_text()[-2000:]}"
            return told


class House:
    """One broker, one home, one hub with room for one utterance beside that in hand, and Rhasspy.

    Shared by the tests: each has sessions of its own.
    """

    def __init__(self, satellite: Satellite, home: SimulatedHome, rhasspy: Rhasspy, gates: Gates):
        self.satellite, self.home, self.rhasspy, self.gates = satellite, home, rhasspy, gates


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("rhasspy")
    with contextlib.ExitStack() as stack:
        broker = Mosquitto(folder)
        broker.start()
        stack.callback(broker.stop)
        python = installed()
        satellite = Satellite(broker.port)
        stack.callback(satellite.close)
        home = stack.enter_context(SimulatedHome(
            load_home(shipped("devices") / "homes" / "demo.toml"), port=broker.port))
        hub = HubProcess(folder, broker.url, "--queue", "1")
        hub.start()
        stack.callback(hub.close)
        satellite.wait_for("iotcall/iotcall-hub/status", {"state": "online"})
        rhasspy = Rhasspy(python, broker.port, folder / "rhasspy.log")
        stack.callback(rhasspy.close)
        yield House(satellite, home, rhasspy, Gates(folder))
        assert hub.running()


@pytest.fixture
def rhasspy(house: House) -> Rhasspy:
    return house.rhasspy


def assert_whole(told: dict[str, Any], *, but: tuple[str, ...] = ()) -> None:
    """Rhasspy kept all that we sent, and every field is of the type that its class declares."""
    assert _within(told["sent"], told["read"])
    assert tuple(told["mistyped"]) == but
    assert told["site"] == told["sent"].get("siteId")


def _within(sent: Any, read: Any) -> bool:
    """Whether all that was sent is there; Rhasspy adds fields of its own."""
    if isinstance(sent, dict) and isinstance(read, dict):
        return all(key in read and _within(value, read[key]) for key, value in sent.items())
    if isinstance(sent, list) and isinstance(read, list):
        return len(sent) == len(read) and all(map(_within, sent, read))
    return bool(sent == read)


# --- orders -----------------------------------------------------------------------------------


def test_a_captured_text_is_done_and_told_by_intent_and_end_of_session(house: House,
                                                                       rhasspy: Rhasspy) -> None:
    rhasspy.publish("AsrTextCaptured", text="kitchen lights on", likelihood=0.97, seconds=0.4,
                    site_id="kitchen", session_id="order", wakeword_id="porcupine", lang="en")
    ended = rhasspy.hears("DialogueEndSession", sessionId="order")
    intent = rhasspy.hears("NluIntent", sessionId="order")
    assert_whole(intent)
    assert_whole(ended)
    assert ended["read"]["text"] == "The kitchen light is on."
    assert house.home.states()["kitchen light"]["state"] == "on"
    assert (intent["name"], intent["read"]["siteId"]) == ("toggle_lights", "kitchen")
    handler = intent["handler"]
    assert handler["text"] == "kitchen lights on"
    assert handler["intent"] == {"name": "toggle_lights", "confidence": 0.9}
    assert handler["slots"] == {"room": "kitchen", "state": "on"}
    assert [(each["entity"], each["raw_value"], each["start"], each["end"])
            for each in handler["entities"]] == [("room", "kitchen", 0, 7), ("state", "on", 15, 17)]
    assert [slot["confidence"] for slot in intent["read"]["slots"]] == [0.9, 0.9]


def test_a_query_comes_back_with_its_id_and_custom_data_and_a_number_stays_one(
    rhasspy: Rhasspy
) -> None:
    rhasspy.publish("NluQuery", input="thermostat 70", site_id="living_room", id="q70",
                    session_id="number", custom_data='{"mine": 1}', asr_confidence=0.8)
    ended = rhasspy.hears("DialogueEndSession", sessionId="number")
    intent = rhasspy.hears("NluIntent", id="q70")
    assert_whole(intent)
    assert_whole(ended)
    assert intent["read"]["customData"] == ended["read"]["customData"] == '{"mine": 1}'
    assert (intent["read"]["sessionId"], intent["read"]["siteId"]) == ("number", "living_room")
    [entity] = intent["handler"]["entities"]
    assert entity == {
        "entity": "temperature", "value": 70, "value_details": {"kind": "Number", "value": 70},
        "raw_value": "70", "start": 11, "end": 13, "raw_start": 11, "raw_end": 13}


def test_what_has_no_session_is_answered_by_a_text_to_say_at_its_site(rhasspy: Rhasspy) -> None:
    rhasspy.publish("NluQuery", input="bathroom lights on", site_id="bath", id="plain")
    said = rhasspy.hears("TtsSay", siteId="bath")
    intent = rhasspy.hears("NluIntent", id="plain")
    assert_whole(said)
    assert_whole(intent)
    assert said["read"]["text"] == "The bathroom light is on."
    assert intent["read"]["sessionId"] is None


def test_texts_and_names_beyond_ascii_come_back_unharmed(rhasspy: Rhasspy) -> None:
    rhasspy.publish("NluQuery", input="größer, please 💡", site_id="Küche", id="q-ü",
                    session_id="umlauts")
    intent = rhasspy.hears("NluIntent", sessionId="umlauts")
    assert_whole(intent)
    assert (intent["read"]["input"], intent["read"]["siteId"], intent["read"]["id"]) == (
        "größer, please 💡", "Küche", "q-ü")


# --- dialogues --------------------------------------------------------------------------------


def test_a_question_goes_on_with_the_session_and_its_answer_ends_it(house: House, rhasspy: Rhasspy
                                                                    ) -> None:
    rhasspy.publish("NluQuery", input="unlock front", site_id="hall", session_id="door",
                    custom_data="visitor")
    asked = rhasspy.hears("DialogueContinueSession", sessionId="door")
    assert_whole(asked)
    assert (asked["read"]["text"], asked["read"]["customData"]) == (
        "Should I unlock the front door?", "visitor")
    assert asked["read"]["intentFilter"] is None
    assert asked["read"]["sendIntentNotRecognized"] is False
    assert house.satellite.heard(FRONT_SET) == []
    rhasspy.publish("AsrTextCaptured", text="yes", likelihood=1.0, seconds=0.2, site_id="hall",
                    session_id="door")
    ended = rhasspy.hears("DialogueEndSession", sessionId="door")
    assert_whole(ended)
    assert ended["read"]["text"] == "The front door is unlocked."
    house.satellite.wait_for(FRONT_SET, {"state": "UNLOCK"})
    assert rhasspy.heard(sessionId="door").count("DialogueEndSession") == 1


def test_a_refusal_is_spoken_at_the_end_of_the_session(rhasspy: Rhasspy) -> None:
    rhasspy.publish("NluQuery", input="thermostat to ninety five", site_id="office",
                    session_id="refused", id="q95")
    ended = rhasspy.hears("DialogueEndSession", sessionId="refused")
    assert_whole(ended)
    assert ended["read"]["text"] == "The thermostat can be set from 60 to 80 degrees."
    assert rhasspy.heard(sessionId="refused") == ["DialogueEndSession"]


def test_what_was_not_understood_is_spoken_and_then_told(rhasspy: Rhasspy) -> None:
    rhasspy.publish("NluQuery", input="mumble", site_id="office", session_id="mumbled", id="qm",
                    custom_data="mine")
    unknown = rhasspy.hears("NluIntentNotRecognized", sessionId="mumbled")
    ended = rhasspy.hears("DialogueEndSession", sessionId="mumbled")
    assert rhasspy.heard(sessionId="mumbled") == ["DialogueEndSession", "NluIntentNotRecognized"]
    assert_whole(ended)
    # Rhasspy takes any JSON there, though its class declares a text.
    assert_whole(unknown, but=("customData",))
    assert (unknown["read"]["input"], unknown["read"]["siteId"], unknown["read"]["id"]) == (
        "mumble", "office", "qm")
    assert unknown["read"]["customData"] == {
        "reason": "not_recognised", "text": ended["read"]["text"], "customData": "mine"}


def test_a_query_takes_only_the_intents_of_its_filter(house: House, rhasspy: Rhasspy) -> None:
    rhasspy.publish("NluQuery", input="bedroom lights on", session_id="filtered",
                    intent_filter=["set_scene", "lock_door"])
    unknown = rhasspy.hears("NluIntentNotRecognized", sessionId="filtered")
    assert unknown["read"]["customData"]["reason"] == "not_recognised"
    rhasspy.publish("NluQuery", input="bedroom lights on", session_id="allowed",
                    intent_filter=["set_scene", "toggle_lights"])
    assert_whole(rhasspy.hears("NluIntent", sessionId="allowed"))
    rhasspy.hears("DialogueEndSession", sessionId="allowed")
    assert house.satellite.wait(BEDROOM_SET) == [{"state": "ON"}]  # one command, the second's


# --- the hub is occupied ----------------------------------------------------------------------


def test_a_busy_hub_says_so_and_ends_the_session(house: House, rhasspy: Rhasspy) -> None:
    rhasspy.publish("NluQuery", input="hold busy hallway lights on", session_id="in hand")
    house.gates.wait_reached("busy")
    rhasspy.publish("NluQuery", input="hallway lights off", session_id="waits")
    rhasspy.publish("NluQuery", input="hallway lights on", site_id="garage", session_id="too many",
                    id="q3")
    unknown = rhasspy.hears("NluIntentNotRecognized", sessionId="too many")
    ended = rhasspy.hears("DialogueEndSession", sessionId="too many")
    assert_whole(ended)
    assert_whole(unknown, but=("customData",))
    assert (unknown["read"]["siteId"], unknown["read"]["id"]) == ("garage", "q3")
    assert unknown["read"]["customData"] == {"reason": "busy", "text": ended["read"]["text"]}
    house.gates.open("busy")
    rhasspy.hears("DialogueEndSession", sessionId="in hand")
    rhasspy.hears("DialogueEndSession", sessionId="waits")


@pytest.mark.parametrize("reason", ["abortedByUser", "timeout", "error", "intentNotRecognized"])
def test_a_session_that_ended_for_a_reason_breaks_off_the_utterance_in_hand(
    house: House, rhasspy: Rhasspy, reason: str
) -> None:
    end_while_in_hand(house, "office lights on", session_id=f"ended {reason}", reason=reason)
    assert rhasspy.heard(sessionId=f"ended {reason}") == []
    assert house.home.states()["office light"]["state"] == "off"


def test_a_session_that_ended_as_it_should_breaks_nothing_off(house: House, rhasspy: Rhasspy
                                                              ) -> None:
    end_while_in_hand(house, "hallway lights on", session_id="ended well", reason="nominal")
    assert rhasspy.heard(sessionId="ended well") == ["NluIntent", "DialogueEndSession"]
    assert house.home.states()["hallway light"]["state"] == "on"


def end_while_in_hand(house: House, text: str, *, session_id: str, reason: str) -> None:
    """Say it, end the session while the hub decodes it, and wait until the hub has the next."""
    house.rhasspy.publish("NluQuery", input=f"hold {reason} {text}", session_id=session_id)
    house.gates.wait_reached(reason)
    house.rhasspy.publish("DialogueSessionEnded", termination=reason, session_id=session_id)
    # A text that is none is answered at once: by then the hub has heard of the end.
    house.rhasspy.publish("AsrTextCaptured", text="", likelihood=1.0, seconds=0.0,
                          session_id=f"{session_id}, empty")
    empty = house.rhasspy.hears("NluIntentNotRecognized", sessionId=f"{session_id}, empty")
    assert empty["read"]["customData"]["reason"] == "malformed"
    house.gates.open(reason)
    house.rhasspy.publish("NluQuery", input="mumble", session_id=f"{session_id}, next")
    house.rhasspy.hears("DialogueEndSession", sessionId=f"{session_id}, next")
