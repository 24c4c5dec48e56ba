"""`iotcall service`: the unit that is written, and what is left alone."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from iotcall.cli.main import app
from iotcall.cli.service import service
from iotcall.errors import FileError, InputError
from iotcall.hub.config import read_hub_file
from iotcall.hub.service import (
    Service,
    install_unit,
    obstacles,
    quoted,
    uninstall_unit,
    unit_state,
    unit_text,
)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Service]:
    def make(text: str = 'home = "demo"\n', folder: str = "", **changes: object) -> Service:
        config = tmp_path / folder / "hub.toml"
        config.parent.mkdir(exist_ok=True)
        config.write_text(text)
        return Service(**{"config": config, "file": read_hub_file(config),
                          "python": Path(sys.executable), **changes})
    return make


def directives(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def words(command: str) -> list[str]:
    """A command line as systemd.service(5) reads it."""
    found, word, inside, at = [], "", False, 0
    while at < len(command):
        sign = command[at]
        if sign == "\\":
            at += 1
            word += command[at]
        elif sign == '"':
            inside = not inside
        elif sign == " " and not inside:
            found.append(word)
            word = ""
        elif sign in "%$":
            assert command[at + 1] == sign
            at += 1
            word += sign
        else:
            word += sign
        at += 1
    return [*found, word]


# --- the unit ---------------------------------------------------------------------------------


def verified(path: Path, *, user: bool = False) -> list[str]:
    """What systemd says of a unit's file; it may fail for other units' sake outside of a system."""
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("needs systemd-analyze: apt-get install systemd")
    run = subprocess.run(
        [analyze, *(["--user"] if user else []), "--man=no", "verify", str(path)], text=True,
        capture_output=True, timeout=60, check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(path.parent)})
    return [line for line in run.stderr.splitlines() if path.stem in line]


@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize("folder", ["", "a b", '50% "off" $HOME \\'])
def test_systemd_finds_nothing_wrong_with_it(make, tmp_path: Path, user: bool, folder: str) -> None:
    made = make(folder=folder, user=user, name="iotcall-made")
    path = tmp_path / made.unit
    path.write_text(unit_text(made))
    assert verified(path, user=user) == []


def test_systemd_would_have_found_a_misspelt_line(make, tmp_path: Path) -> None:
    path = tmp_path / "iotcall-made.service"
    path.write_text(unit_text(make()).replace("ProtectSystem", "ProtectSystm").replace(
        "@system-service", "@system-servce"))
    assert len(verified(path)) == 2


@pytest.mark.parametrize("folder", ["", "a b", '50% "off" $HOME \\'])
def test_its_command_line_starts_this_interpreter_with_this_file(make, folder: str) -> None:
    made = make(folder=folder)
    [command] = directives(unit_text(made))["ExecStart"]
    assert words(command) == [sys.executable, "-P", "-m", "iotcall", "hub", "--config",
                              str(made.config)]


def test_its_command_line_is_one_that_our_own_command_understands(make) -> None:
    made = make()
    [command] = directives(unit_text(made))["ExecStart"]
    _, _, _, program, *arguments = words(command)
    assert program == "iotcall"
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group)
    name, hub, rest = group.resolve_command(click.Context(group), arguments)
    context = hub.make_context(name, rest)
    assert str(context.params["config"]) == str(made.config)


def test_the_machines_service_may_do_little_and_is_watched(make) -> None:
    told = directives(unit_text(make(python=Path("/usr/bin/python3"))))
    expected = {
        "Type": "notify", "Restart": "on-failure", "RestartPreventExitStatus": "2 3",
        "WatchdogSec": "60", "DynamicUser": "yes", "StateDirectory": "iotcall",
        "ProtectSystem": "strict", "ProtectHome": "yes", "NoNewPrivileges": "yes",
        "PrivateTmp": "yes", "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
        "MemoryMax": "1G", "CPUWeight": "200", "WantedBy": "multi-user.target",
        "CapabilityBoundingSet": ""}
    assert {key: told[key] for key in expected} == {
        key: [value] for key, value in expected.items()}
    assert told["SystemCallFilter"] == ["@system-service", "~@privileged"]


def test_a_persons_own_service_asks_for_nothing_that_needs_root(make) -> None:
    told = directives(unit_text(make(user=True)))
    assert told["WantedBy"] == ["default.target"]
    assert told["NoNewPrivileges"] == ["yes"]
    assert not {"DynamicUser", "PrivateDevices", "ProtectSystem", "LoadCredential",
                "CapabilityBoundingSet"} & set(told)


def test_it_may_take_as_long_to_end_as_the_hub_may(make) -> None:
    slow = make("[limits]\ndecode_seconds = 100\ncommand_seconds = 200\n")
    [stop] = directives(unit_text(slow))["TimeoutStopSec"]
    assert int(stop) >= 100 + 200 + 2


def test_secrets_reach_a_service_without_rights_as_credentials(make) -> None:
    made = make('[broker]\nurl = "mqtts://box"\nusername = "hub"\n'
                'password_file = "/etc/iotcall/pass%word"\n'
                'cert_file = "/etc/iotcall/hub.crt"\nkey_file = "/etc/iotcall/hub.key"\n')
    assert directives(unit_text(made))["LoadCredential"] == [
        "broker_password:/etc/iotcall/pass%%word", "broker_key:/etc/iotcall/hub.key"]


def test_what_lies_in_a_home_folder_is_seen_by_the_service(make) -> None:
    told = directives(unit_text(make(python=Path("/home/ann/venv/bin/python"))))
    assert told["ProtectHome"] == ["read-only"]


@pytest.mark.parametrize("changes", [{"name": "a/b"}, {"name": ""}, {"name": "a b"},
                                     {"memory_max": "lots"}, {"memory_max": "1G\nUser=root"},
                                     {"python": Path("/usr/bin/py\nthon")}])
def test_what_no_unit_can_hold_is_refused(make, changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        unit_text(make(**changes))


@pytest.mark.parametrize(("word", "told"), [
    ("/usr/bin/python3", "/usr/bin/python3"), ("a b", '"a b"'), ("50%", "50%%"),
    ("$HOME", "$$HOME"), ('say "a"', '"say \\"a\\""'),
    ("a\\b", '"a\\\\b"'), ("", '""'), ("a;b", '"a;b"'),
    ("a'b", '"a\'b"')])
def test_a_word_is_quoted_as_systemd_reads_it(word: str, told: str) -> None:
    assert quoted(word) == told
    assert words(told) == [word]


def test_what_the_services_user_cannot_reach_is_told(make, tmp_path: Path) -> None:
    assert not [each for each in obstacles(make()) if "store.path" in each]
    made = make('[store]\npath = "hub.db"\n[audit]\npath = "/var/lib/iotcall/audit.jsonl"\n'
                '[broker]\nusername = "hub"\npassword_env = "P"\n')
    told = obstacles(made)
    assert [each for each in told if each.startswith("store.path")]
    assert not [each for each in told if each.startswith("audit.path")]
    assert [each for each in told if "does not set P" in each]
    assert [each for each in obstacles(make(python=Path("/tmp/venv/bin/python")))
            if "/tmp of its own" in each]
    made.config.chmod(0o600)
    assert [each for each in obstacles(made) if str(made.config) in each]
    assert obstacles(make('[store]\npath = "hub.db"\n', user=True)) == []


# --- putting it there -------------------------------------------------------------------------


def test_a_unit_is_written_readable_by_all_and_again_where_it_is_ours(make, tmp_path: Path) -> None:
    path = tmp_path / "units" / "iotcall.service"
    text = unit_text(make())
    assert unit_state(path) == "absent"
    assert install_unit(path, text) == "absent"
    assert (path.read_text(), unit_state(path)) == (text, "ours")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    newer = unit_text(make(memory_max="2G"))
    assert install_unit(path, newer) == "ours"
    assert path.read_text() == newer
    assert [each.name for each in path.parent.iterdir()] == ["iotcall.service"]


@pytest.mark.parametrize(("before", "says"), [
    ("[Service]\nExecStart=/bin/true\n", "did not write"), ("", "did not write"),
    (None, "changed by hand")], ids=["another's", "empty", "ours, changed"])
def test_a_unit_of_somebody_else_stays_unless_told_otherwise(make, tmp_path: Path, before, says
                                                             ) -> None:
    path, text = tmp_path / "iotcall.service", unit_text(make())
    there = text.replace("MemoryMax=1G", "MemoryMax=9G") if before is None else before
    path.write_text(there)
    for change in (lambda: install_unit(path, text), lambda: uninstall_unit(path)):
        with pytest.raises(FileError, match=says):
            change()
        assert path.read_text() == there
    install_unit(path, text, replace=True)
    assert path.read_text() == text


def test_a_masked_unit_stays_masked(make, tmp_path: Path) -> None:
    path = tmp_path / "iotcall.service"
    path.symlink_to("/dev/null")
    with pytest.raises(FileError, match="did not write"):
        install_unit(path, unit_text(make()))
    assert path.is_symlink()


def test_uninstall_takes_the_unit_and_the_links_that_enable_it(make, tmp_path: Path) -> None:
    path = tmp_path / "iotcall.service"
    install_unit(path, unit_text(make()))
    wants = tmp_path / "multi-user.target.wants"
    wants.mkdir()
    (wants / path.name).symlink_to(path)
    (wants / "other.service").symlink_to(path)
    assert uninstall_unit(path)
    assert sorted(each.name for each in tmp_path.rglob("*.service") if each.is_symlink()) == [
        "other.service"]
    assert not path.exists()
    assert not uninstall_unit(path)


# --- the command ------------------------------------------------------------------------------


def run(*arguments: str, **environment: str):
    return CliRunner().invoke(service, arguments, env=environment)


def test_install_says_what_it_wrote_and_what_to_run(make, tmp_path: Path) -> None:
    made = make()
    done = run("install", "--user", "--config", str(made.config), XDG_CONFIG_HOME=str(tmp_path))
    path = tmp_path / "systemd" / "user" / "iotcall.service"
    assert done.exit_code == 0, done.output
    assert unit_state(path) == "ours"
    for line in (str(path), "systemctl --user daemon-reload",
                 "systemctl --user enable --now iotcall", "loginctl enable-linger"):
        assert line in done.output
    gone = run("uninstall", "--user", XDG_CONFIG_HOME=str(tmp_path))
    assert gone.exit_code == 0
    assert not path.exists()
    assert "systemctl --user stop iotcall" in gone.output


def test_print_writes_nothing(make, tmp_path: Path) -> None:
    made = make()
    folder = tmp_path / "units"
    done = run("install", "--print", "--config", str(made.config), "--unit-folder", str(folder))
    assert done.exit_code == 0
    assert done.stdout == unit_text(Service(
        config=made.config, file=made.file, python=Path(sys.executable)))
    assert not folder.exists()


def test_settings_that_cannot_be_read_are_no_service(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text("bundel = 1")
    done = run("install", "--config", str(tmp_path / "hub.toml"), "--unit-folder", str(tmp_path))
    assert isinstance(done.exception, FileError)
    assert not list(tmp_path.glob("*.service"))


@pytest.mark.parametrize("name", ["nothing", "../nothing"])
def test_uninstalling_what_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    done = run("uninstall", "--name", name, "--unit-folder", str(tmp_path))
    assert isinstance(done.exception, InputError)
