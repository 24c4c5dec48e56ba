"""`iotcall home`, as a person runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from paho.mqtt.publish import multiple

from iotcall.devices import load_home
from iotcall.devices.simulated import SimulatedHome
from iotcall.dialogue.pins import ScryptPin
from iotcall.shipped import shipped
from tests.devices.discovery.zigbee_models import device, group, of, state
from tests.hub.actors import Mosquitto


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "iotcall", "home", *arguments], input=given,
                          capture_output=True, text=True, timeout=60, check=False)


def test_the_file_alone_is_shown_with_what_each_device_can_be_told() -> None:
    told = json.loads(run("show", "family", "--json").stdout)
    assert len(told["devices"]) == 30
    lamp = next(device for device in told["devices"] if device["name"] == "desk lamp")
    assert lamp["told"] == ["brightness", "color", "state", "white"]
    assert lamp["from"] == "file, zigbee2mqtt:desk lamp"
    text = run("show", "family").stdout
    assert "reading lamp" in text
    assert "30 devices in 12 rooms; scenes: breakfast, good_night, movie_night" in text


def test_what_is_announced_is_shown_with_its_state_and_what_is_hidden(tmp_path: Path) -> None:
    home = tmp_path / "found.toml"
    home.write_text('name = "found"\n[rooms.kitchen]\n[discovery]\n'
                    'sources = ["zigbee2mqtt", "tasmota"]\nhide = ["*printer*"]\n')
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        family = load_home(shipped("devices") / "homes" / "family.toml")
        with SimulatedHome(family, port=broker.port):
            ended = run("show", str(home), "--broker", broker.url, "--json")
    finally:
        broker.stop()
    told = json.loads(ended.stdout)
    names = {device["name"]: device for device in told["devices"]}
    assert len(names) == 29
    assert names["kitchen light"]["room"] == "kitchen"
    assert names["kitchen light"]["state"] == {"state": "off", "brightness": 100}
    assert names["reading lamp"]["from"].startswith("tasmota:")
    assert [each.split(":")[0] for each in told["hidden"]] == ["tasmota"]


def test_a_group_is_shown_as_one_and_not_counted_as_a_device(tmp_path: Path) -> None:
    home = tmp_path / "found.toml"
    home.write_text('name = "found"\n[discovery]\nsources = ["zigbee2mqtt"]\n')
    broker = Mosquitto(tmp_path)
    broker.start()
    lamps = {name: f"0x00158d000000000{at}" for at, name in enumerate(("desk", "shelf"))}
    try:
        multiple([(f"zigbee2mqtt/bridge/{topic}", json.dumps(said), 1, True) for topic, said in (
            ("devices", [device(at, name, of("light", state())) for name, at in lamps.items()]),
            ("groups", [group(*lamps.values(), name="reading")]))], port=broker.port)
        text = run("show", str(home), "--broker", broker.url, "--seconds", "2").stdout
        told = json.loads(run("show", str(home), "--broker", broker.url, "--seconds", "2",
                              "--json").stdout)
    finally:
        broker.stop()
    assert "light group" in text
    assert "2 devices and 1 group in 0 rooms" in text
    assert "members of reading: desk, shelf" in text
    assert {each["name"]: each["members"] for each in told["devices"] if each["group"]} == {
        "reading": [f"zigbee2mqtt:{at}" for at in lamps.values()]}


def test_a_home_that_leaves_all_to_discovery_needs_a_broker(tmp_path: Path) -> None:
    home = tmp_path / "found.toml"
    home.write_text('name = "found"\n[discovery]\nsources = ["homie"]\n')
    ended = run("show", str(home))
    assert ended.returncode == 2
    assert "--broker" in ended.stderr


def test_a_pin_becomes_a_hash_that_tells_it_from_others() -> None:
    made = json.loads(run("pin", "--json", given="2468\n").stdout)["pin_hash"]
    assert "2468" not in made
    assert ScryptPin(made).is_right("2468")
    assert not ScryptPin(made).is_right("2469")


@pytest.mark.parametrize("given", ["", "12a4", "1", "1" * 40])
def test_what_is_no_pin_is_refused(given: str) -> None:
    ended = run("pin", given=f"{given}\n")
    assert ended.returncode == 2
    assert given == "" or given not in ended.stderr or len(given) == 1
