"""Whatever is published to the hub, it goes on, does not grow and repeats no hostile name."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from iotcall.devices.simulated import SimulatedHome
from iotcall.shipped import shipped
from tests.hub.actors import HubProcess, Mosquitto, Proxy, wait_until
from tests.hub.hostile import EVIL, announced, flood
from tests.hub.strain import ASK, Asker, memory_kib

TURN = "iotcall/iotcall-hub/turn"
STEP = 100  # messages between two questions that show that the hub has kept up
GROWTH_KIB = 48 * 1024
"""What the hub's memory may grow by: devices that are believed to exist, and fragmentation."""
SOURCES = '[discovery]\nsources = ["zigbee2mqtt", "homeassistant", "tasmota", "shelly", "homie"]\n'
StartHub = Callable[..., HubProcess]


class Listener:
    """Hears what the hub says and keeps the texts, each once; publishes what others send."""

    def __init__(self, port: int) -> None:
        self.texts: set[str] = set()
        self.outcomes: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.subscribe([(topic, 0) for topic in (
            TURN, "hermes/tts/say", "hermes/dialogueManager/endSession",
            "hermes/dialogueManager/continueSession", "iotcall/iotcall-hub/answer")])
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos, retain)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _take(self, client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        said = json.loads(message.payload)
        with self._lock:
            self.texts.add(said.get("text") or said.get("reply") or "")
            if message.topic == TURN:
                self.outcomes[said["outcome"]] += 1


@pytest.fixture
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    client = Listener(mosquitto.port)
    yield client
    client.close()


@pytest.fixture
def asker(mosquitto: Mosquitto) -> Iterator[Asker]:
    client = Asker(mosquitto.port)
    yield client
    client.close()


@pytest.fixture
def proxy(mosquitto: Mosquitto) -> Iterator[Proxy]:
    with closing(Proxy(mosquitto.port)) as before:
        yield before


@pytest.fixture
def open_hub(proxy: Proxy, simulated_home: SimulatedHome, tmp_path: Path) -> Iterator[HubProcess]:
    """A hub that believes every announcement, beside the devices of the demo's home."""
    home = tmp_path / "open.toml"
    home.write_text(f"{(shipped('devices') / 'homes' / 'demo.toml').read_text()}\n{SOURCES}")
    hub = HubProcess(tmp_path, proxy.url, "--home", str(home), "--acknowledge-seconds", "0.3")
    hub.start()
    hub.wait_logged("hub.started")
    yield hub
    hub.close()


@pytest.mark.parametrize(("count", "made_up"), [
    (5_000, 300), pytest.param(100_000, 5_000, marks=pytest.mark.slow)])
def test_hostile_messages_on_every_topic_leave_the_hub_well(
    open_hub: HubProcess, proxy: Proxy, listener: Listener, asker: Asker, count: int, made_up: int
) -> None:
    early = 0
    for number, (topic, payload) in enumerate(flood(count, made_up=made_up)):
        listener.publish(topic, payload, qos=number % 2)
        if number % STEP == 0:
            asker.ask(f"step {number}", "")  # no text: told so at once, after all before it
            asker.wait_answered({f"step {number}"})
            early = early or (memory_kib(open_hub) if number >= 10 * STEP else 0)
    for topic in ("zigbee2mqtt/bridge/state", "zigbee2mqtt/bathroom_light/availability"):
        listener.publish(topic, b'{"state": "online"}', qos=1)
    proxy.cut()  # and with all that it believes now it connects again
    wait_until(lambda: open_hub.log.read_text().count("event=broker.connected") == 2, "the hub")
    done = []
    for number in range(20):  # of those that came last, some may still wait
        asker.ask(f"good {number}", "bathroom lights on")
        done = asker.wait_answered({f"good {number}"})[f"good {number}"]
        if done == ["done"]:
            break
    late = memory_kib(open_hub)
    print(f"{count} messages, {dict(listener.outcomes)}, {early} -> {late} KiB")
    assert done == ["done"]
    assert late - early < GROWTH_KIB
    assert_clean(open_hub, listener.texts)


def test_names_of_devices_that_are_announced_are_said_and_logged_clean(
    open_hub: HubProcess, listener: Listener, asker: Asker
) -> None:
    for number in range(3):
        for topic, said in announced(number, f"{EVIL} {number}"):
            body = said if isinstance(said, str) else json.dumps(said)
            listener.publish(topic, body.encode(), qos=1)
    for source in ("zigbee2mqtt", "homeassistant", "tasmota", "homie"):
        open_hub.wait_logged(f"event=device.appeared id={source}:")
    told = ""
    for number in range(20):  # what has just appeared may be named a moment later
        asker.query(f"all {number}", "scene away")
        (told,) = asker.wait_answered({f"all {number}"})[f"all {number}"]
        if "evil" in told:
            break
    assert "evil" in told
    assert_clean(open_hub, {told, *listener.texts})


def test_a_device_with_a_voice_topic_for_its_state_does_not_make_the_hub_deaf(
    open_hub: HubProcess, listener: Listener, asker: Asker
) -> None:
    config = "homeassistant/light/thief/config"
    listener.publish(config, json.dumps({
        "name": "thief", "unique_id": "thief", "command_topic": "thief/set",
        "state_topic": "hermes/nlu/query", "availability_topic": "iotcall/iotcall-hub/ask",
    }).encode(), qos=1)
    open_hub.wait_logged("event=device.appeared id=homeassistant:thief")
    listener.publish(config, b"", qos=1)
    open_hub.wait_logged("event=device.vanished id=homeassistant:thief")
    asker.query("by Hermes", "bathroom lights on")
    asker.ask("plain", "bathroom lights off")
    assert asker.wait_answered({"by Hermes", "plain"}) == {
        "by Hermes": ["The bathroom light is on."], "plain": ["done"]}


def test_with_mqtt_5_the_broker_keeps_from_the_hub_what_is_longer_than_any_announcement(
    open_hub: HubProcess, listener: Listener, asker: Asker
) -> None:
    early = memory_kib(open_hub)
    for topic in (ASK, "hermes/nlu/query", "homeassistant/light/x/config"):
        listener.publish(topic, bytes(40 << 20), qos=1)
    asker.ask("good", "bathroom lights on")
    assert asker.wait_answered({"good"}) == {"good": ["done"]}
    assert memory_kib(open_hub) - early < 16 * 1024
    assert "too_long" not in open_hub.log.read_text()


@pytest.mark.slow
def test_long_descriptions_of_many_devices_are_not_kept(
    open_hub: HubProcess, listener: Listener, asker: Asker
) -> None:
    early = memory_kib(open_hub)
    for number in range(20):
        sensors = b'{"sn": {"a": [' + b"[]," * 300_000 + b"0]}}"
        answer = b'{"id": 2, "result": {"a": [' + b"[]," * 300_000 + b"0]}}"
        for topic, payload in ((f"tasmota/discovery/AABBCC{number:06X}/sensors", sensors),
                               (f"shelly{number}/online", b"true"),
                               (f"iotcall-hub/shelly/shelly{number}/rpc", answer)):
            listener.publish(topic, payload, qos=1)
        asker.ask(str(number), "")
        asker.wait_answered({str(number)})
    assert memory_kib(open_hub) - early < 24 * 1024  # they have 36 MiB


def assert_clean(hub: HubProcess, texts: set[str]) -> None:
    """No terminal commands, no line of the log that we did not write, no template tokens."""
    log = hub.log.read_bytes().decode()
    assert "Traceback" not in log
    for line in log.split("\n"):
        assert line.isprintable(), ascii(line)
        assert line.startswith("timestamp=") or not line, line
    for text in texts:
        assert text.isprintable(), ascii(text)
        assert "<|" not in text, text
        assert "{{" not in text, text
