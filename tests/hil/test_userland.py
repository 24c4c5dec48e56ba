"""The emulated arm64 board is made of packages of the bench's versions; of it all, a slow test."""

from __future__ import annotations

import importlib.metadata
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from labgrid import Target

from iotcall.errors import InputError, IotcallError
from iotcall.hil import userland
from iotcall.hil.doctor import examine
from iotcall.hil.emulated import PACKAGES, USERLAND, EmulatedSystem, emulated_folder
from iotcall.hil.emulated_shell import EmulatedShellDriver
from iotcall.hil.shell import BoardError, Shell
from iotcall.hil.steps import is_made, make_step
from iotcall.hil.userland import is_set_up, missing_programs, set_up, steps_of, wanted_packages


def test_a_board_has_the_versions_that_the_bench_has() -> None:
    wanted = dict(each.split("==") for each in wanted_packages())
    assert wanted["onnxruntime"] == importlib.metadata.version("onnxruntime")
    assert {"numpy", "msgspec", "paho-mqtt", "flatbuffers"} <= set(wanted)
    assert not {"torch", "labgrid", "pytest"} & set(wanted)


def test_a_mirror_makes_no_other_system(tmp_path: Path) -> None:
    one, other = (steps_of(tmp_path, mirror, print) for mirror in ("http://a", "http://b"))
    assert [step.stamp for step in one] == [step.stamp for step in other]
    assert [step.name for step in one] == ["userland", "wheels", "packages"]


def test_wheels_are_unpacked_for_the_board_whatever_this_machine_is(tmp_path: Path) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "lamp-1.0-cp311-cp311-manylinux_2_28_aarch64.whl", "w") as wheel:
        wheel.writestr("lamp.py", "LIT = True\n")
        wheel.writestr("lamp-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: lamp\n"
                                                      "Version: 1.0\n")
        wheel.writestr("lamp-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\n"
                       "Root-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_28_aarch64\n")
        wheel.writestr("lamp-1.0.dist-info/RECORD", "")
    step = next(step for step in steps_of(tmp_path, None, print) if step.name == PACKAGES)
    make_step(tmp_path, step, print)
    assert (tmp_path / PACKAGES / "lamp.py").read_text() == "LIT = True\n"
    assert is_made(tmp_path, step)


def test_wheels_of_another_machine_are_refused_with_pips_reason(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "lamp-1.0-cp311-cp311-win_amd64.whl").touch()
    step = next(step for step in steps_of(tmp_path, None, print) if step.name == PACKAGES)
    with pytest.raises(IotcallError, match=r"lamp-1\.0-.*win_amd64\.whl is not a supported"):
        make_step(tmp_path, step, print)
    assert not (tmp_path / PACKAGES).exists()


def test_programs_that_are_missing_are_named_with_their_packages(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="apt-get install coreutils mmdebstrap qemu-user-static "
                                         "util-linux"):
        set_up(tmp_path / "board")
    assert not (tmp_path / "board").exists()


def test_a_disk_that_is_full_is_noticed_before_anything_is_loaded(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(userland, "missing_programs", dict)
    monkeypatch.setattr(userland, "_ROOM_MB", 1e12)
    with pytest.raises(InputError, match="set IOTCALL_CACHE"):
        set_up(tmp_path / "board")
    assert {path.name for path in (tmp_path / "board").iterdir()} == {".lock"}


def test_a_system_that_was_never_made_is_not_switched_on(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="iotcall hil doctor"):
        EmulatedSystem(tmp_path).switch_on()
    with pytest.raises(BoardError, match="not switched on"):
        EmulatedSystem(tmp_path).run(["/bin/true"], timeout_s=1)


def test_the_doctor_says_that_a_system_must_be_made_and_how(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOTCALL_CACHE", str(tmp_path))
    found = next(each for each in examine("emu-arm64") if each.what == "system")
    assert (found.level, found.found.startswith(str(tmp_path))) == ("error", True)
    assert "iotcall hil setup emu-arm64" in found.do


@pytest.mark.skipif(not is_set_up(emulated_folder("emu-arm64")) or bool(missing_programs()),
                    reason="'iotcall hil setup emu-arm64' has not been called here")
def test_the_board_runs_arm64_programs_that_end_with_it(tmp_path: Path) -> None:
    target = Target("main")
    driver = EmulatedShellDriver(target, name=None, system="emu-arm64")
    target.activate(driver)
    shell = Shell(driver, driver, python="/usr/bin/python3", patience=20)
    place = shell.check("mktemp -d").strip()
    said = shell.run("uname -m; echo fault >&2; exit 3")
    assert (said.out, said.err, said.code) == ("aarch64", "fault", 3)
    shell.write("für das Brett", f"{place}/text")
    assert shell.read(f"{place}/text").decode() == "für das Brett"
    with pytest.raises(BoardError, match="No such file"):
        shell.read(f"{place}/none")
    assert "asimddp" in shell.check("cat /proc/cpuinfo").split()
    sleeping = f"sleep 600{time.monotonic_ns() % 10**6:06}"
    process = shell.start(sleeping.split(), log=f"{place}/log")
    assert process.alive()
    shell.check(f"rm -r {place}")
    target.deactivate(driver)
    assert sleeping not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True,
                                          check=True).stdout


@pytest.mark.slow
def test_a_setup_makes_a_board_that_the_doctor_passes(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian's mirror, a package index, mmdebstrap and qemu-user-static; half a minute."""
    monkeypatch.setenv("IOTCALL_CACHE", str(tmp_path))
    folder = emulated_folder("emu-arm64")
    first = subprocess.Popen([sys.executable, "-m", "iotcall", "hil", "setup"])
    deadline = time.monotonic() + 600
    while not (folder / USERLAND).exists() and first.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)  # broken off: the second goes on after the first step
    first.wait(60)
    made = set_up(folder)
    assert USERLAND not in made.seconds
    assert made.versions["machine"] == "aarch64"
    assert made.versions["onnxruntime"] == importlib.metadata.version("onnxruntime")
    assert not list(folder.glob("*.partial"))
    assert [each for each in examine("emu-arm64") if each.level == "error"] == []
