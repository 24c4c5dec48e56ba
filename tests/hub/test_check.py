"""`iotcall hub --check --config FILE` as a person or a service's ExecStartPre runs it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iotcall.shipped import shipped
from tests.hub.actors import DEADLINE_SECONDS, ROOT, Mosquitto
from tests.hub.fallback.responder import Responder
from tests.hub.fallback.service import Service, answering, completion, status

Checked = Callable[..., subprocess.CompletedProcess[str]]

GOOD = """\
home = "{home}"
bundle = "{bundle}"
[broker]
url = "mqtt://127.0.0.1:{port}"
{login}
[store]
path = "hub.db"
"""
LOGIN = 'username = "hub"\npassword_file = "password"'


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    """Runs the check with a file that is good but for what is given."""
    def run(*options: str, port: int, home: str = "demo", bundle: str = "smart_home",
            login: str = "", more: str = "") -> subprocess.CompletedProcess[str]:
        path = tmp_path / "hub.toml"
        path.write_text(GOOD.format(home=home, bundle=bundle, port=port, login=login) + more)
        return subprocess.run(
            [sys.executable, "-m", "iotcall", "hub", "--check", "--config", str(path), *options],
            capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS,
            env={**os.environ, "PYTHONPATH": str(ROOT)})

    return run


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens at, and nobody else gets."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that knows one user, `hub`, by the password "geheim"."""
    program = shutil.which("mosquitto_passwd")
    if not program:
        pytest.skip("needs mosquitto_passwd: apt-get install mosquitto")
    users = tmp_path / "users"
    subprocess.run([program, "-c", "-b", str(users), "hub", "geheim"], check=True,
                   capture_output=True, timeout=DEADLINE_SECONDS)
    broker = Mosquitto(tmp_path, "allow_anonymous false", f"password_file {users}")
    broker.start()
    yield broker
    broker.stop()


def the_error(done: subprocess.CompletedProcess[str], what: str) -> str:
    """The line of the one thing that is wrong; all others are well."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    [line] = [line for line in done.stdout.splitlines() if not line.startswith("ok ")]
    level, _, told = line.partition(" ")
    assert level == "error"
    assert told.lstrip().startswith(f"{what}: ")
    return line


def test_where_all_is_well_it_says_what_it_found_and_ends_with_0(
    checked: Checked, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    done = checked(port=mosquitto.port)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["ok", f"{what}:"] for what in ("home", "board", "trust.keys", "bundle", "store.path",
                                        "audit.path", "broker")]
    assert lines[-1].endswith("lets us in, MQTT 5")
    assert not list(tmp_path.glob("hub.db*"))  # it has looked, and made nothing


def test_a_home_that_does_not_exist_is_named_with_those_that_do(
    checked: Checked, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    line = the_error(checked(port=mosquitto.port, home="cottage.toml"), "home")
    assert str(tmp_path / "cottage.toml") in line
    assert "shipped: demo" in line
    assert "set `home`" in line


def _shorten(folder: Path) -> None:
    weights = folder / "model.onnx.data"
    weights.write_bytes(weights.read_bytes()[:-1])


def _alter(folder: Path) -> None:
    model = folder / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)


def _lose(folder: Path) -> None:
    (folder / "tokens.npz").unlink()


def _forget(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


@pytest.mark.parametrize(("damage", "says"), [
    (_shorten, "model.onnx.data was altered"), (_alter, "model.onnx was altered"),
    (_lose, "tokens.npz is missing"), (_forget, "manifest.json")])
def test_a_damaged_bundle_is_named_by_its_file(
    checked: Checked, mosquitto: Mosquitto, tmp_path: Path, damage: Callable[[Path], None],
    says: str,
) -> None:
    bundle = tmp_path / "mine"
    shutil.copytree(shipped("bundles") / "smart_home", bundle)
    damage(bundle)
    line = the_error(checked(port=mosquitto.port, bundle="./mine"), "bundle")
    assert str(bundle) in line
    assert says in line
    assert "set `bundle`" in line


def test_a_broker_that_is_not_there_is_named_with_what_to_do(
    checked: Checked, closed_port: int
) -> None:
    line = the_error(checked(port=closed_port), "broker")
    assert f"mqtt://127.0.0.1:{closed_port}" in line
    assert "start it, or name another in broker.url" in line


def test_a_wrong_password_is_told_and_never_repeated(checked: Checked, locked: Mosquitto,
                                                     tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("geheim\n")
    password.chmod(0o600)
    assert checked(port=locked.port, login=LOGIN).returncode == 0
    password.write_text("verraten\n")
    done = checked(port=locked.port, login=LOGIN)
    line = the_error(done, "broker")
    assert "Not authorized" in line
    assert "check username and password" in line
    assert "verraten" not in done.stdout + done.stderr


def test_a_password_file_that_is_not_there_is_told_like_the_rest(
    checked: Checked, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    line = the_error(checked(port=mosquitto.port, login=LOGIN), "broker")
    assert str(tmp_path / "password") in line


def test_machines_read_what_was_found_as_json(checked: Checked, mosquitto: Mosquitto,
                                              closed_port: int) -> None:
    def found(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
        findings: list[dict[str, Any]] = json.loads(done.stdout)
        assert all(each.keys() == {"what", "level", "found", "do"} for each in findings)
        return findings

    well = checked("--json", port=mosquitto.port)
    assert well.returncode == 0
    assert {each["level"] for each in found(well)} == {"ok"}
    assert found(well)[-1]["what"] == "broker"
    ill = checked("--json", port=closed_port, home="cottage.toml", bundle="none")
    assert ill.returncode == 2
    errors = [each for each in found(ill) if each["level"] == "error"]
    assert [each["what"] for each in errors] == ["home", "bundle", "broker"]
    assert all(each["do"] for each in errors)


CALL = completion(("toggle_lights", {"room": "kitchen", "state": "on"}))
OVER_MQTT = '[fallback]\ntopic = "models/ask"\ndeadline_seconds = {seconds}\n'


def the_last(done: subprocess.CompletedProcess[str]) -> tuple[str, str]:
    """Level and text of what was looked at last; a hub would start."""
    assert done.returncode == 0, done.stdout + done.stderr
    level, _, told = done.stdout.splitlines()[-1].partition(" ")
    return level, told.strip()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_who_answers_over_mqtt_is_asked_a_question(
    checked: Checked, mosquitto: Mosquitto, version: Any
) -> None:
    with Responder(mosquitto.port, "models/ask", CALL, version=version) as responder:
        level, told = the_last(checked("--mqtt-version", version, port=mosquitto.port,
                                       more=OVER_MQTT.format(seconds=20)))
    assert (level, told.partition(" within")[0]) == ("ok", "fallback.topic: answers on models/ask")
    assert told.endswith("s: toggle_lights")
    assert responder.answered_on == ["iotcall/iotcall-hub/fallback"]  # as the hub would hear it


def test_a_topic_that_nobody_hears_is_told_at_once(checked: Checked, mosquitto: Mosquitto) -> None:
    level, told = the_last(checked(port=mosquitto.port, more=OVER_MQTT.format(seconds=120)))
    assert level == "warning"
    assert told.startswith("fallback.topic: did not answer (unreachable): nobody hears models/ask")


def test_one_who_hears_and_is_silent_is_told(checked: Checked, mosquitto: Mosquitto) -> None:
    with Responder(mosquitto.port, "models/ask", CALL, silent=True):
        level, told = the_last(checked(port=mosquitto.port, more=OVER_MQTT.format(seconds=0.5)))
    assert (level, told.partition(";")[0]) == (
        "warning", "fallback.topic: did not answer (too_slow): no answer in time")


def test_a_service_is_asked_a_question_with_the_tools_of_the_bundle(
    checked: Checked, mosquitto: Mosquitto
) -> None:
    with Service() as service:
        more = f'[fallback]\nurl = "{service.url}"\nmodel = "big"\n'
        service.behave = answering(CALL)
        level, told = the_last(checked(port=mosquitto.port, more=more))
        assert (level, told.partition(" within")[0]) == ("ok", "fallback.url: answers")
        assert "toggle_lights" in [tool["function"]["name"] for tool in service.bodies[0]["tools"]]
        service.behave = status(404)
        level, told = the_last(checked(port=mosquitto.port, more=more))
        assert (level, "HTTP 404" in told) == ("warning", True)


def test_a_key_that_is_not_there_is_an_error(checked: Checked, mosquitto: Mosquitto) -> None:
    more = '[fallback]\nurl = "http://localhost:1"\nmodel = "big"\napi_key_env = "NO_SUCH_KEY"\n'
    line = the_error(checked(port=mosquitto.port, more=more), "fallback")
    assert "NO_SUCH_KEY is not set" in line


def test_a_broker_that_is_not_there_is_one_error_and_the_fallback_waits_for_it(
    checked: Checked, closed_port: int
) -> None:
    done = checked(port=closed_port, more=OVER_MQTT.format(seconds=1))
    levels = [line.split()[:2] for line in done.stdout.splitlines()]
    assert [pair for pair in levels if pair[0] != "ok"] == [
        ["error", "broker:"], ["warning", "fallback.topic:"]]


def test_a_file_that_cannot_be_read_ends_it_before_anything_is_tried(
    checked: Checked, closed_port: int
) -> None:
    done = checked(port=closed_port, login='pasword_file = "password"')
    assert (done.returncode, done.stdout) == (2, "")
    assert "password_file" in done.stderr  # the key that was meant
    assert "Traceback" not in done.stderr
