"""The settings file, and what `check_hub` says before a hub is started."""

from __future__ import annotations

import os
import socket
import tomllib
from pathlib import Path

import pytest

from iotcall.errors import FileError, InputError
from iotcall.hub.audit import AuditLog
from iotcall.hub.check import Finding, check_hub, is_error
from iotcall.hub.config import (
    HubFile,
    hub_settings,
    keys_of,
    listen_address,
    read_hub_file,
    store_path,
)
from iotcall.hub.settings import Broker, HubSettings
from iotcall.settings import read_toml
from iotcall.shipped import shipped
from iotcall.store import open_store
from tests.hub.actors import Mosquitto, Satellite

EXAMPLE = shipped("devices") / "hub.toml"


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "hub.toml"
        path.write_text(text)
        return path
    return write


def _dotted(table: dict, prefix: str = "") -> list[str]:
    return [name for key, value in table.items() for name in (
        _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else [f"{prefix}{key}"])]


# --- the file ---------------------------------------------------------------------------------


def test_the_example_has_every_key_with_its_default() -> None:
    assert sorted(_dotted(tomllib.loads(EXAMPLE.read_text()))) == sorted(keys_of(HubFile))
    assert read_toml(EXAMPLE, HubFile) == HubFile()


def test_every_key_of_the_example_is_explained_in_its_line_or_named_by_itself() -> None:
    bare = [line for line in EXAMPLE.read_text().splitlines()
            if "=" in line and not line.startswith("#") and "#" not in line]
    assert bare == ['username = ""']


def test_an_empty_file_gives_the_settings_that_a_hub_has_without_any(write) -> None:
    assert hub_settings(read_hub_file(write(""))) == HubSettings(broker=Broker(host="127.0.0.1"))


def test_relative_paths_are_relative_to_the_file_and_shipped_names_stay(write, tmp_path) -> None:
    file = read_hub_file(write(
        'home = "demo"\nbundle = "mine"\nboard = "./mine.toml"\n'
        '[store]\npath = "state/hub.db"\n[audit]\npath = "~/audit.jsonl"\n'
        '[trust]\nkeys = ["owner.pub", "/etc/other.pub"]'))
    assert (file.home, file.bundle, file.board) == (
        "demo", str(tmp_path / "mine"), str(tmp_path / "mine.toml"))
    assert file.store.path == str(tmp_path / "state/hub.db")
    assert file.audit.path == str(Path.home() / "audit.jsonl")
    assert file.trust.keys == (str(tmp_path / "owner.pub"), "/etc/other.pub")


def test_every_setting_reaches_the_daemon(write, tmp_path) -> None:
    (tmp_path / "password").write_text("geheim\n")
    settings = hub_settings(read_hub_file(write("""
        [broker]
        url = "mqtts://box"
        client_id = "upstairs"
        mqtt_version = "5"
        ca_file = "ca.crt"
        cert_file = "hub.crt"
        key_file = "hub.key"
        username = "hub"
        password_file = "password"
        [limits]
        queue = 3
        text_limit_characters = 100
        session_expiry_seconds = 60
        acknowledge_seconds = 1.5
        command_seconds = 4
        decode_seconds = 5
    """)))
    assert settings == HubSettings(
        broker=Broker(host="box", port=8883, tls=True, username="hub", password="geheim",
                      ca_file=tmp_path / "ca.crt", cert_file=tmp_path / "hub.crt",
                      key_file=tmp_path / "hub.key"),
        client_id="upstairs", mqtt_version="5", queue=3, text_limit_characters=100,
        session_expiry_seconds=60, acknowledge_seconds=1.5, command_seconds=4.0,
        decode_seconds=5.0)


@pytest.mark.parametrize(("text", "place", "says"), [
    ('bundel = "x"', "", "did you mean `bundle`"),
    ("[limits]\nqueue = 0", "limits.queue", ">= 1"),
    ("[limits]\nqueue = 1001", "limits.queue", "<= 1000"),
    ("[limits]\ndecode_seconds = 0", "limits.decode_seconds", "> 0"),
    ("[limits]\nsession_expiry_second = 5", "limits", "did you mean `session_expiry_seconds`"),
    ('[broker]\nclient_id = "a/b"', "broker.client_id", "matching regex"),
    ('[broker]\nurl = "http://box"', "broker.url", "expected mqtt://"),
    ('[broker]\nmqtt_version = "4"', "broker.mqtt_version", "Invalid enum value '4'"),
    ('[broker]\nca_file = "ca.crt"', "broker.ca_file", "begins with mqtts://"),
    ('[broker]\nurl = "mqtts://box"\nkey_file = "k"', "broker.key_file", "`cert_file` too"),
    ('[broker]\npassword_env = "P"', "broker.username", "needs one"),
    ('[broker]\nusername = "u"\npassword_env = "P"\npassword_file = "f"', "broker.password_env",
     "keep one"),
    ('[metrics]\nlisten = "9464"', "metrics.listen", "expected host:port"),
    ('[wyoming]\nlisten = "box:70000"', "wyoming.listen", "expected host:port"),
    ("[audit]\nmax_bytes = 100", "audit.max_bytes", ">= 4096"),
    ('[log]\nlevel = "loud"', "log.level", "Invalid enum value 'loud'"),
    ("[log", "", "not valid TOML"),
])
def test_what_does_not_fit_is_refused_with_its_place(write, text, place, says) -> None:
    with pytest.raises(FileError) as told:
        read_hub_file(write(text))
    assert told.value.place == place
    assert says in str(told.value)


def test_a_password_in_the_address_is_refused_and_not_repeated(write) -> None:
    with pytest.raises(FileError, match="put the user into `username`") as told:
        read_hub_file(write('[broker]\nurl = "mqtt://hub:geheim@box"'))
    assert "geheim" not in str(told.value)


@pytest.mark.parametrize(("given", "address"), [
    ("", None), ("127.0.0.1:9464", ("127.0.0.1", 9464)), ("[::1]:0", ("::1", 0)),
    ("hub.local:80", ("hub.local", 80)), ("tcp://0.0.0.0:10500", ("0.0.0.0", 10500))])
def test_an_address_is_a_host_and_a_port(given, address) -> None:
    assert listen_address(given) == address


# --- the password -----------------------------------------------------------------------------


def test_a_password_comes_from_the_environment_where_the_file_says_so(write) -> None:
    file = read_hub_file(write('[broker]\nusername = "u"\npassword_env = "HUB_PASSWORD"'))
    assert hub_settings(file, {"HUB_PASSWORD": "geheim"}).broker.password == "geheim"
    with pytest.raises(InputError, match="HUB_PASSWORD"):
        hub_settings(file, {})


def test_a_credential_of_systemd_stands_in_for_a_file_that_only_root_reads(write, tmp_path) -> None:
    file = read_hub_file(write(
        '[broker]\nurl = "mqtts://box"\nusername = "u"\npassword_file = "/etc/iotcall/none"\n'
        'cert_file = "hub.crt"\nkey_file = "/etc/iotcall/none.key"'))
    (tmp_path / "broker_password").write_text("geheim")
    (tmp_path / "broker_key").write_text("a key")
    broker = hub_settings(file, {"CREDENTIALS_DIRECTORY": str(tmp_path)}).broker
    assert broker.password == "geheim"
    assert broker.key_file == tmp_path / "broker_key"


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"\xff\xfe", b"x" * 5000],
                         ids=["empty", "blank", "two lines", "no text", "too long"])
def test_a_password_file_without_a_password_is_refused_and_not_repeated(write, tmp_path, content
                                                                        ) -> None:
    (tmp_path / "password").write_bytes(content)
    file = read_hub_file(write('[broker]\nusername = "u"\npassword_file = "password"'))
    with pytest.raises(FileError, match="holds no password") as told:
        hub_settings(file)
    assert "lines" not in str(told.value)
    assert "xxx" not in str(told.value)


def test_no_text_of_the_settings_holds_the_password(write) -> None:
    file = read_hub_file(write('[broker]\nusername = "u"\npassword_env = "P"'))
    settings = hub_settings(file, {"P": "geheim"})
    assert "geheim" not in f"{settings!r} {settings} {settings.broker!r} {settings.broker} {file!r}"


def test_the_store_is_where_the_file_says_else_in_the_folder_of_the_service(write, tmp_path
                                                                             ) -> None:
    assert store_path(read_hub_file(write('[store]\npath = "a.db"')),
                      {"STATE_DIRECTORY": "/var/lib/iotcall"}) == tmp_path / "a.db"
    assert store_path(read_hub_file(write('[broker]\nclient_id = "upstairs"')),
                      {"STATE_DIRECTORY": "/var/lib/iotcall:/more"}
                      ) == Path("/var/lib/iotcall/upstairs.db")


# --- the check --------------------------------------------------------------------------------


def _checked(path: Path) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for each in check_hub(read_hub_file(path)):
        found.setdefault(each.what, []).append(each)
    return found


def _minimal(port: int, more: str = "", broker: str = "") -> str:
    return (f'home = "demo"\n{more}\n[store]\npath = "hub.db"\n'
            f'[broker]\nurl = "mqtt://127.0.0.1:{port}"\n{broker}')


def test_a_good_file_gives_only_good_findings(write, mosquitto: Mosquitto) -> None:
    findings = check_hub(read_hub_file(write(_minimal(mosquitto.port))))
    assert {each.what for each in findings} >= {
        "home", "board", "trust.keys", "bundle", "store.path", "audit.path", "broker"}
    assert [each for each in findings if each.level != "ok"] == []
    assert not is_error(findings)


def test_the_check_leaves_a_hub_that_runs_its_session(write, mosquitto: Mosquitto,
                                                      satellite: Satellite, start_hub) -> None:
    hub = start_hub()
    assert not is_error(check_hub(read_hub_file(write(_minimal(mosquitto.port)))))
    satellite.say("and nothing")  # answered on the connection that the hub already had
    satellite.wait("iotcall/iotcall-hub/turn")
    assert satellite.heard("iotcall/iotcall-hub/status") == [{"state": "online"}]
    assert hub.running()


def test_everything_that_is_wrong_is_told_at_once(write) -> None:
    found = _checked(write('home = "none.toml"\nbundle = "none"\nboard = "none"\n'
                           '[broker]\nurl = "mqtt://127.0.0.1:9"\n'
                           '[store]\npath = "no/folder/hub.db"\n[trust]\nkeys = ["no.pub"]'))
    wrong = {what for what, each in found.items() if any(one.level == "error" for one in each)}
    assert wrong == {"home", "board", "trust.keys", "store.path", "broker"}
    assert "bundle" not in found  # without its keys it is not opened
    for each in found.values():
        assert all(one.do for one in each if one.level == "error")


def test_a_missing_bundle_is_an_error(write, mosquitto: Mosquitto) -> None:
    found = _checked(write(_minimal(mosquitto.port, 'bundle = "none"')))
    assert [each.level for each in found["bundle"]] == ["error"]


def test_a_broker_that_refuses_the_password_is_an_error_that_does_not_repeat_it(
        write, tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path, "allow_anonymous false")
    broker.start()
    try:
        (tmp_path / "password").write_text("geheim")
        findings = check_hub(read_hub_file(write(_minimal(
            broker.port, broker='username = "hub"\npassword_file = "password"'))))
    finally:
        broker.stop()
    [told] = [each for each in findings if each.what == "broker"]
    assert told.level == "error"
    assert "Not authorized" in told.found
    assert "geheim" not in str(findings)


def test_a_secret_that_everybody_may_read_is_a_warning(write, tmp_path: Path,
                                                       mosquitto: Mosquitto) -> None:
    secret = tmp_path / "password"
    secret.write_text("geheim")
    text = _minimal(mosquitto.port, broker='username = "hub"\npassword_file = "password"')
    secret.chmod(0o644)
    assert _checked(write(text))["broker.password_file"][0].level == "warning"
    secret.chmod(0o600)
    assert "broker.password_file" not in _checked(write(text))


def test_a_store_that_a_hub_holds_is_no_error_and_a_damaged_one_stays_where_it_is(
        write, tmp_path: Path, mosquitto: Mosquitto) -> None:
    path = write(_minimal(mosquitto.port))
    with open_store(tmp_path / "hub.db"):
        assert [each.level for each in _checked(path)["store.path"]] == ["warning"]
    assert [each.level for each in _checked(path)["store.path"]] == ["ok"]
    (tmp_path / "hub.db").write_bytes(b"no database, but longer than its header" * 100)
    [told] = _checked(path)["store.path"]
    assert "damaged" in told.found
    assert sorted(each.name for each in tmp_path.glob("hub.db*")) == ["hub.db"]


def test_an_audit_that_was_altered_is_a_warning(write, tmp_path: Path, mosquitto: Mosquitto
                                                ) -> None:
    path = write(_minimal(mosquitto.port) + '\n[audit]\npath = "audit.jsonl"')
    assert [each.level for each in _checked(path)["audit.path"]] == ["ok"]
    AuditLog(tmp_path / "audit.jsonl").close()
    assert [each.level for each in _checked(path)["audit.path"]] == ["ok"]
    (tmp_path / "audit.jsonl").write_text("")
    assert [each.level for each in _checked(path)["audit.path"]] == ["warning"]


def test_an_address_in_use_and_one_for_everybody_are_warnings(write, mosquitto: Mosquitto) -> None:
    text = _minimal(mosquitto.port) + '\n[metrics]\nlisten = "%s"\n[wyoming]\nlisten = "%s"'
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = _checked(write(text % (f"127.0.0.1:{taken.getsockname()[1]}", "0.0.0.0:0")))
    assert [each.level for each in found["metrics.listen"]] == ["warning"]
    assert "other machines" in found["wyoming.listen"][0].found
    found = _checked(write(text % ("127.0.0.1:0", "[::1]:0")))
    assert found["metrics.listen"][0].level == "ok"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_an_error(write, tmp_path: Path,
                                                         mosquitto: Mosquitto) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    found = _checked(write(_minimal(mosquitto.port).replace("hub.db", "closed/hub.db")))
    assert [each.level for each in found["store.path"]] == ["error"]
