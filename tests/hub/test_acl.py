"""The access list that is shipped, on a real mosquitto with TLS: who may do what."""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import CallbackAPIVersion

from iotcall.errors import FileError
from iotcall.hub.check import check_hub
from iotcall.hub.config import read_hub_file
from iotcall.hub.settings import Broker
from iotcall.hub.tls import tls_context
from iotcall.shipped import shipped
from tests.hub.actors import DEADLINE_SECONDS, HubProcess, Mosquitto

FOLDER = shipped("devices") / "mosquitto"
CLIENTS = ("hub", "kitchen", "zigbee2mqtt", "homeassistant")
SUCCESS = ("Success", "No matching subscribers")
REFUSED = "Not authorized"
_ALL = "\nuser admin\ntopic readwrite #\n"  # who sees what the others may and may not do


# --- an authority, a broker, clients ----------------------------------------------------------


class Authority:
    """Signs certificates; its files are in a folder."""

    def __init__(self, folder: Path, name: str = "home") -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self.name, self.key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(
            x509.KeyUsage(key_cert_sign=True, crl_sign=True, digital_signature=False,
                          content_commitment=False, key_encipherment=False,
                          data_encipherment=False, key_agreement=False, encipher_only=False,
                          decipher_only=False), critical=True)
        self.certificate = folder / f"{name}.crt"
        self._write(self.certificate, made)

    def issue(self, common_name: str) -> tuple[Path, Path]:
        """Files of a certificate for this user, or for the broker at 127.0.0.1, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        made = self._builder(name, key).add_extension(x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        certificate, private = (self.folder / f"{common_name}.{end}" for end in ("crt", "key"))
        self._write(certificate, made)
        private.write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        return certificate, private

    def _builder(self, name: x509.Name, key: ec.EllipticCurvePrivateKey
                 ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (x509.CertificateBuilder().subject_name(name).issuer_name(self.name)
                .public_key(key.public_key()).serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(days=1))
                .not_valid_after(now + timedelta(days=1)))

    def _write(self, path: Path, made: x509.CertificateBuilder) -> None:
        path.write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM))


class Client:
    """One MQTT 5 client over TLS, which tells what the broker says to each thing it does."""

    def __init__(self, broker: Broker) -> None:
        self._changed = threading.Condition()
        self.refusal: str | None = None
        self._published: dict[int, str] = {}
        self._granted: list[str] = []
        self.heard: list[tuple[str, bytes]] = []
        client = self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if broker.username:
            client.username_pw_set(broker.username, broker.password)
        client.tls_set_context(tls_context(broker))
        client.on_connect = lambda _, __, ___, reason, ____: self._note(
            lambda: setattr(self, "refusal", str(reason) if reason.is_failure else ""))
        client.on_publish = lambda _, __, mid, reason, ___: self._note(
            lambda: self._published.update({mid: str(reason)}))
        client.on_subscribe = lambda _, __, ___, reasons, ____: self._note(
            lambda: self._granted.extend(map(str, reasons)))
        client.on_message = lambda _, __, message: self._note(
            lambda: self.heard.append((message.topic, message.payload)))
        client.connect(broker.host, broker.port)
        client.loop_start()
        self._wait(lambda: self.refusal is not None, "an answer")

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> str:
        """The broker's reason code, in words."""
        mid = self._client.publish(topic, payload, qos=1, retain=retain).mid
        self._wait(lambda: mid in self._published, f"an answer to {topic}")
        return self._published[mid]

    def subscribe(self, topic: str) -> str:
        self._client.subscribe(topic, qos=1)
        self._wait(lambda: bool(self._granted), f"an answer to {topic}")
        return self._granted.pop()

    def wait_heard(self, topic: str) -> list[str]:
        """The topics heard until then, that one last."""
        self._wait(lambda: topic in [each for each, _ in self.heard], topic)
        return [each for each, _ in self.heard]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _note(self, change: Callable[[], Any]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, DEADLINE_SECONDS), f"waited for {what}"


class House:
    """A broker as the shipped files have it, and its clients."""

    def __init__(self, folder: Path, *more: str, passwords: bool = True) -> None:
        self.authority = Authority(folder)
        certificate, key = self.authority.issue("broker")
        acl = folder / "aclfile"
        acl.write_text((FOLDER / "aclfile").read_text().replace(
            "# --- for every user", _ALL + "\n# --- for every user"))
        settings = [f"cafile {self.authority.certificate}", f"certfile {certificate}",
                    f"keyfile {key}", "allow_anonymous false", f"acl_file {acl}", *more]
        if passwords:
            settings.append(f"password_file {_passwords(folder)}")
        self.broker = Mosquitto(folder, *settings)
        self._open = contextlib.ExitStack()

    def __enter__(self) -> House:
        self.broker.start()
        self._open.callback(self.broker.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def address(self, **changes: Any) -> Broker:
        return Broker(**{"host": "127.0.0.1", "port": self.broker.port, "tls": True,
                         "ca_file": self.authority.certificate, **changes})

    def client(self, username: str | None = None, **changes: Any) -> Client:
        password = f"of {username}" if username else None
        client = Client(self.address(**{"username": username, "password": password, **changes}))
        self._open.callback(client.close)
        return client


def _passwords(folder: Path) -> Path:
    program = shutil.which("mosquitto_passwd")
    if not program:
        pytest.skip("needs mosquitto_passwd: apt-get install mosquitto")
    path = folder / "passwords"
    path.touch(mode=0o600)
    for name in (*CLIENTS, "admin", "office"):
        subprocess.run([program, "-b", str(path), name, f"of {name}"], check=True,
                       capture_output=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("house")) as house:
        yield house


# --- publishing -------------------------------------------------------------------------------

MAY_PUBLISH = {
    "hub": [
        "zigbee2mqtt/kitchen light/set", "zigbee2mqtt/living room/ceiling/set",
        "zigbee2mqtt/kitchen light/get", "cmnd/coffee/POWER", "shelly1-abc/rpc",
        "homie/5/lamp/light/on/set", "hermes/tts/say", "hermes/intent/toggle_lights",
        "hermes/nlu/intentNotRecognized", "hermes/dialogueManager/continueSession",
        "hermes/dialogueManager/endSession", "iotcall/iotcall-hub/status",
        "iotcall/iotcall-hub/turn"],
    "kitchen": ["hermes/asr/textCaptured", "hermes/hotword/hey/detected",
                "hermes/audioServer/kitchen/audioFrame"],
    "zigbee2mqtt": ["zigbee2mqtt/bridge/devices", "zigbee2mqtt/kitchen light",
                    "homeassistant/light/0x1/config", "homeassistant/light/0x1/light/config"],
    "homeassistant": ["homeassistant/status", "zigbee2mqtt/kitchen light/set",
                      "cmnd/coffee/POWER"],
}
MAY_NOT_PUBLISH = {
    "hub": ["hermes/asr/textCaptured", "hermes/nlu/query", "zigbee2mqtt/bridge/request/permit_join",
            "zigbee2mqtt/bridge/request/device/remove", "zigbee2mqtt/kitchen light",
            "zigbee2mqtt/bridge/devices", "homeassistant/light/x/config", "stat/coffee/RESULT",
            "iotcall/another-hub/status", "tasmota/discovery/x/config", "homie/5/lamp/$state"],
    "kitchen": ["zigbee2mqtt/kitchen light/set", "lamp/set", "cmnd/coffee/POWER", "shelly1-abc/rpc",
                "homie/5/lamp/light/on/set", "hermes/tts/say", "hermes/nlu/query",
                "hermes/intent/lock_door", "hermes/dialogueManager/endSession",
                "iotcall/iotcall-hub/status", "iotcall/iotcall-hub/turn",
                "zigbee2mqtt/bridge/request/permit_join", "homeassistant/light/x/config",
                "hermes/audioServer/office/audioFrame"],
    "zigbee2mqtt": ["hermes/asr/textCaptured", "cmnd/coffee/POWER", "homeassistant/status",
                    "iotcall/iotcall-hub/status", "homie/5/lamp/light/on/set"],
    "homeassistant": ["hermes/asr/textCaptured", "iotcall/iotcall-hub/turn",
                      "zigbee2mqtt/bridge/request/permit_join", "zigbee2mqtt/kitchen light"],
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_may_publish_what_it_needs(house: House, name: str) -> None:
    client = house.client(name)
    told = {topic: client.publish(topic) for topic in MAY_PUBLISH[name]}
    assert {topic: reason for topic, reason in told.items() if reason not in SUCCESS} == {}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_may_publish_nothing_else_and_is_told_so(house: House, name: str) -> None:
    seen = house.client("admin")
    seen.subscribe("#")
    client = house.client(name)
    told = {topic: client.publish(topic) for topic in MAY_NOT_PUBLISH[name]}
    assert {topic: reason for topic, reason in told.items() if reason != REFUSED} == {}
    allowed = MAY_PUBLISH[name][0]
    client.publish(allowed)
    assert seen.wait_heard(allowed) == [allowed]


# --- hearing ----------------------------------------------------------------------------------

HEARS = {
    "hub": ["hermes/asr/textCaptured", "hermes/nlu/query", "zigbee2mqtt/kitchen light",
            "zigbee2mqtt/bridge/devices", "stat/coffee/RESULT", "tele/coffee/LWT",
            "tasmota/discovery/AABB/config", "homeassistant/light/x/config", "shelly1-abc/online",
            "shelly1-abc/events/rpc", "shelly1-abc/status/switch:0",
            "iotcall-hub/shelly/shelly1-abc/rpc", "homie/5/lamp/$state"],
    "kitchen": ["hermes/tts/say", "hermes/dialogueManager/continueSession",
                "hermes/dialogueManager/endSession", "hermes/audioServer/kitchen/playBytes/1",
                "iotcall/iotcall-hub/status"],
    "zigbee2mqtt": ["zigbee2mqtt/kitchen light/set", "homeassistant/status"],
    "homeassistant": ["homeassistant/light/x/config", "zigbee2mqtt/kitchen light",
                      "iotcall/iotcall-hub/status"],
}
HEARS_NOT = {
    "hub": ["hermes/audioServer/kitchen/audioFrame", "cmnd/coffee/POWER", "other/topic"],
    "kitchen": ["hermes/asr/textCaptured", "iotcall/iotcall-hub/turn", "zigbee2mqtt/kitchen light",
                "hermes/audioServer/office/playBytes/1", "hermes/audioServer/kitchen/audioFrame",
                "hermes/intent/lock_door", "hermes/nlu/intentNotRecognized", "stat/coffee/RESULT"],
    "zigbee2mqtt": ["hermes/asr/textCaptured", "iotcall/iotcall-hub/turn", "cmnd/coffee/POWER"],
    "homeassistant": ["iotcall/iotcall-hub/turn", "hermes/asr/textCaptured", "hermes/tts/say"],
}


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_hears_what_it_needs_and_nothing_else(house: House, name: str) -> None:
    client, admin = house.client(name), house.client("admin")
    assert client.subscribe("#") == "Granted QoS 1"  # mosquitto leaves it out on delivery
    for topic in (*HEARS_NOT[name], *HEARS[name]):
        assert admin.publish(topic) in SUCCESS
    assert client.wait_heard(HEARS[name][-1]) == HEARS[name]


# --- getting in -------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [
    {}, {"username": "hub", "password": None}, {"username": "hub", "password": "guessed"},
    {"username": "nobody", "password": "of nobody"}], ids=["anonymous", "none", "wrong", "unknown"])
def test_without_the_right_password_nobody_comes_in(house: House, login: dict[str, str]) -> None:
    assert house.client(**login).refusal == REFUSED


def test_without_tls_nobody_comes_in(house: House) -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set("hub", "of hub")
    ended = threading.Event()
    came_in: list[Any] = []
    client.on_connect = lambda *_: came_in.append(_)
    client.on_disconnect = lambda *_: ended.set()
    client.connect("127.0.0.1", house.broker.port)
    client.loop_start()
    try:
        assert ended.wait(DEADLINE_SECONDS)
    finally:
        client.loop_stop()
    assert came_in == []


def test_a_broker_that_another_authority_vouches_for_is_not_trusted(house: House, tmp_path: Path
                                                                    ) -> None:
    other = Authority(tmp_path, "other").certificate
    with pytest.raises(ssl.SSLCertVerificationError):
        house.client("hub", ca_file=other)
    with pytest.raises(ssl.SSLCertVerificationError):
        house.client("hub", ca_file=None)  # the system's know nothing of ours


def test_a_broker_under_another_name_than_its_certificates_is_not_trusted(house: House) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="localhost"):
        house.client("hub", host="localhost")


def test_a_certificate_stands_in_for_a_password(tmp_path: Path) -> None:
    with House(tmp_path, "require_certificate true", "use_identity_as_username true",
               passwords=False) as house:
        certificate, key = house.authority.issue("kitchen")
        client = house.client(cert_file=certificate, key_file=key)
        assert client.publish("hermes/asr/textCaptured") in SUCCESS
        assert client.publish("zigbee2mqtt/kitchen light/set") == REFUSED
        both = tmp_path / "both.pem"
        both.write_bytes(certificate.read_bytes() + key.read_bytes())
        assert house.client(cert_file=both).refusal == ""
        with pytest.raises((OSError, AssertionError)):  # hung up on, when it shows none
            house.client()


def test_files_that_are_no_certificates_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, _ = authority.issue("hub")
    _, other_key = authority.issue("other")
    junk = tmp_path / "junk"
    junk.write_text("nothing")
    locked = tmp_path / "locked.key"
    locked.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"geheim")))
    for place, files in (
            ("broker.ca_file", {"ca_file": junk}),
            ("broker.ca_file", {"ca_file": tmp_path / "none"}),
            ("broker.cert_file", {"cert_file": junk}),
            ("broker.cert_file", {"cert_file": tmp_path / "none"}),
            ("broker.cert_file", {"cert_file": certificate, "key_file": other_key}),
            ("broker.cert_file", {"cert_file": certificate, "key_file": locked})):
        with pytest.raises(FileError, match="expected PEM") as told:
            tls_context(Broker(host="box", tls=True, **files))
        assert told.value.place == place


# --- the hub ----------------------------------------------------------------------------------


def test_the_check_comes_in_with_the_files_settings(house: House, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("of hub\n")
    (tmp_path / "password").chmod(0o600)
    path = tmp_path / "hub.toml"
    text = (f'home = "demo"\n[store]\npath = "hub.db"\n[broker]\n'
            f'url = "mqtts://127.0.0.1:{house.broker.port}"\nusername = "hub"\n'
            f'password_file = "password"\nca_file = "{house.authority.certificate}"\n')
    path.write_text(text)
    findings = check_hub(read_hub_file(path))
    assert [each for each in findings if each.level != "ok"] == []
    assert [each.found for each in findings if each.what == "broker"] == [
        f"mqtts://127.0.0.1:{house.broker.port} lets us in, MQTT 5, TLS"]
    path.write_text(text.replace("ca_file", "#"))
    [told] = [each for each in check_hub(read_hub_file(path)) if each.level != "ok"]
    assert "name its authority in broker.ca_file" in told.found


def test_a_hub_does_all_its_work_with_what_the_list_gives_it(
        house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(house.authority.certificate))
    watcher, satellite = house.client("admin"), house.client("kitchen")
    bridge = house.client("zigbee2mqtt")
    watcher.subscribe("iotcall/#")
    satellite.subscribe("hermes/#")
    bridge.subscribe("zigbee2mqtt/+/set")
    hub = HubProcess(tmp_path, f"mqtts://hub:of%20hub@127.0.0.1:{house.broker.port}")
    hub.start()
    try:
        watcher.wait_heard("iotcall/iotcall-hub/status")
        assert satellite.publish("hermes/asr/textCaptured", b'{"text": "kitchen lights on"}'
                                 ) == "Success"
        bridge.wait_heard("zigbee2mqtt/kitchen light/set")
        bridge.publish("zigbee2mqtt/kitchen light", b'{"state": "ON"}')
        satellite.wait_heard("hermes/tts/say")
        watcher.wait_heard("iotcall/iotcall-hub/turn")
        [turn] = [payload for topic, payload in watcher.heard if topic.endswith("/turn")]
        assert b'"outcome":"done"' in turn
        hub.terminate()
        assert hub.wait() == 0
    finally:
        hub.close()
    assert "undelivered" not in hub.log.read_text()
    assert "refused" not in hub.log.read_text()
