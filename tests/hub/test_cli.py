"""`iotcall hub` as a person starts it, with the shipped student."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from iotcall.devices.simulated import SimulatedHome
from tests.hub.actors import DEADLINE_SECONDS, ROOT, HubProcess, Mosquitto, Satellite
from tests.hub.fallback.responder import Responder
from tests.hub.fallback.service import completion

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
NONSENSE = ("on off on off", "off on lock off unlock", "on on off dim on", "seventy off on",
            "off off lock on movie on", "lights")
HUB = (sys.executable, "-m", "iotcall", "hub")


def hub(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HUB, *options], capture_output=True, text=True, check=False,
                          timeout=DEADLINE_SECONDS, env={**ENVIRONMENT, **environment})


@pytest.fixture
def shipped_hub(mosquitto: Mosquitto, simulated_home: SimulatedHome, tmp_path: Path
                ) -> Iterator[HubProcess]:
    process = HubProcess(tmp_path, mosquitto.url, "--home", "demo", command=HUB)
    process.start()
    yield process
    process.close()


def test_the_shipped_student_switches_a_light_until_sigterm(
    shipped_hub: HubProcess, satellite: Satellite, simulated_home: SimulatedHome
) -> None:
    satellite.wait_for("iotcall/iotcall-hub/status", {"state": "online"})
    satellite.say("turn on the kitchen lights")
    [turn] = satellite.wait("iotcall/iotcall-hub/turn")
    assert turn["calls"] == [{"name": "turn",
                              "arguments": {"state": "on", "target": "kitchen lights"}}]
    assert simulated_home.states()["kitchen light"]["state"] == "on"
    shipped_hub.terminate()
    assert shipped_hub.wait() == 0
    satellite.wait_for("iotcall/iotcall-hub/status", {"state": "offline"})


def test_a_settings_file_has_a_bigger_model_asked_over_mqtt(
    mosquitto: Mosquitto, satellite: Satellite, simulated_home: SimulatedHome, tmp_path: Path
) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('home = "demo"\nbundle = "smart_home"\n[store]\npath = "hub.db"\n'
                      '[fallback]\ntopic = "models/ask"\nanswer_topic = "models/answers"\n')
    process = HubProcess(tmp_path, mosquitto.url, "--config", str(config), command=HUB)
    with Responder(mosquitto.port, "models/ask", completion(
            ("toggle_lights", {"room": "kitchen", "state": "on"}))) as responder:
        process.start()
        try:
            satellite.wait_for("iotcall/iotcall-hub/status", {"state": "online"})
            for count, text in enumerate(NONSENSE, start=1):  # of some the student is not sure
                satellite.say(text)
                turn = satellite.wait("iotcall/iotcall-hub/turn", count)[-1]
                if responder.bodies:
                    break
        finally:
            process.close()
    assert (turn["outcome"], turn["reply"]) == ("done", "The kitchen light is on.")
    assert responder.answered_on == ["models/answers"]


@pytest.mark.parametrize(("options", "says"), [
    (["--home", "nowhere"], "shipped: demo"),
    (["--home", "demo", "--broker", "http://box"], "expected mqtt://"),
    (["--home", "demo", "--client-id", "a/b"], "client id 'a/b'"),
    (["--home", "demo", "--queue", "0"], "the queue holds 1 to 1000"),
    (["--home", "demo", "--mqtt-version", "4"], "'auto', '5', '3.1.1'"),
    (["--home", "demo", "--bundle", "none"], "'none' is neither a path nor shipped"),
    ([], "which home?"),
])
def test_an_unusable_option_ends_it_with_2_and_says_why(options: list[str], says: str) -> None:
    ended = hub(*options)
    assert ended.returncode == 2
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_broker_that_is_not_there_ends_it_with_1_and_hides_the_password() -> None:
    ended = hub("--home", "demo", IOTCALL_BROKER="mqtt://me:geheim@127.0.0.1:9")
    assert ended.returncode == 1
    assert "error: cannot reach the MQTT broker at mqtt://127.0.0.1:9" in ended.stderr
    assert "geheim" not in ended.stderr



def test_machines_read_its_log_as_json(mosquitto: Mosquitto, tmp_path: Path) -> None:
    process = HubProcess(tmp_path, mosquitto.url, "--home", "demo", "--json", command=HUB)
    process.start()
    try:
        process.wait_logged("hub.started")
        process.terminate()
        assert process.wait() == 0
    finally:
        process.close()
    events = [json.loads(line)["event"] for line in process.log.read_text().splitlines()]
    assert {"hub.started", "hub.stopping", "hub.stopped"} <= set(events)
