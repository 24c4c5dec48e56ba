"""The booted arm64 board: what is missing is said; of it all, a slow test."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from labgrid import Target

from iotcall.errors import InputError
from iotcall.hil import image
from iotcall.hil.bench import BOOTED, EMULATED, made_here, run_suite
from iotcall.hil.booted import BootedSystem
from iotcall.hil.booted_shell import BootedShellDriver
from iotcall.hil.doctor import examine
from iotcall.hil.emulated import emulated_folder
from iotcall.hil.shell import BoardError, Shell
from iotcall.runtime.board import load_board
from tests.hil.bench_run import row

_THERE = image.is_set_up(emulated_folder("qemu-arm64")) and not image.missing_programs()


def test_a_board_is_made_in_the_way_that_its_environment_has_it() -> None:
    made = {name: made_here(load_board(name), name) for name in ("emu-arm64", "qemu-arm64")}
    assert made == {"emu-arm64": (EMULATED, "emu-arm64"), "qemu-arm64": (BOOTED, "qemu-arm64")}
    with pytest.raises(InputError, match="nothing here makes the board"):
        made_here(load_board("raspberry-pi-5"), "raspberry-pi-5")


def test_a_disk_is_made_anew_when_what_is_on_it_is_another(tmp_path: Path) -> None:
    steps = image.steps_of(tmp_path, None, print)
    assert [step.name for step in steps] == ["userland", "wheels", "packages", "disks"]
    assert len({step.stamp for step in steps}) == len(["userland", "wheels", "disks"])
    assert not image.is_set_up(tmp_path)


def test_programs_that_are_missing_are_named_before_anything_is_made(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"apt-get install .*mmdebstrap .*qemu-system-arm"):
        image.set_up(tmp_path / "board")
    assert not (tmp_path / "board").exists()


def test_a_system_that_was_never_made_is_not_switched_on(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="iotcall hil doctor"):
        BootedSystem(tmp_path).switch_on()
    with pytest.raises(BoardError, match="not switched on"):
        BootedSystem(tmp_path).run("true", timeout_s=1)


def test_the_doctor_says_that_a_system_must_be_made_and_how(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOTCALL_CACHE", str(tmp_path))
    found = next(each for each in examine("qemu-arm64") if each.what == "system")
    assert (found.level, found.found.startswith(str(tmp_path))) == ("error", True)
    assert "iotcall hil setup qemu-arm64" in found.do


@pytest.mark.slow
@pytest.mark.skipif(not _THERE, reason="'iotcall hil setup qemu-arm64' has not been called here")
def test_the_board_boots_is_reached_and_forgets_what_was_written() -> None:
    """Half a minute of two idle cores."""
    target = Target("main")
    driver = BootedShellDriver(target, name=None, system="qemu-arm64")
    target.activate(driver)
    shell = Shell(driver, driver, python="/opt/iotcall/bin/python", patience=20)
    said = shell.run("uname -m; echo fault >&2; exit 3")
    assert (said.out, said.err, said.code) == ("aarch64", "fault", 3)
    shell.write("für das Brett", "/srv/text")
    assert shell.read("/srv/text").decode() == "für das Brett"
    assert shell.check("cat /proc/1/comm").strip() == "systemd"
    assert shell.check("systemctl is-active mosquitto").strip() == "active"
    with driver.forward_local_port(1883) as port, socket.create_connection(("127.0.0.1", port), 60):
        pass
    with pytest.raises(BoardError, match="No such file"):
        shell.read("/srv/none")
    target.deactivate(driver)
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    assert str(emulated_folder("qemu-arm64")) not in running.stdout


@pytest.mark.slow
@pytest.mark.skipif(not _THERE, reason="'iotcall hil setup qemu-arm64' has not been called here")
def test_the_hub_is_a_service_that_its_watchdog_and_its_updates_keep_alive(tmp_path: Path) -> None:
    """Some five minutes of two idle cores."""
    run = run_suite(suite="service", board="qemu-arm64", bundle=None, out=tmp_path, quiet=True)
    assert [each.told for each in run.failed] == []
    assert {each.stamp for each in run.rows} == {"emulated"}
    for check in ("installed", "answers", "watchdog", "update_taken", "rolled_back"):
        assert row(run, f"service.{check}").verdict == "passed"
