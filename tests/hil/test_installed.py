"""Bundles on a board, with this machine as the board."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from labgrid import Target

from iotcall.bundle import open_bundle
from iotcall.hil.installed import BundleRefused, Installation
from iotcall.hil.local_shell import LocalShellDriver
from iotcall.hil.shell import BoardError, Shell
from iotcall.hil.variants import broken, renamed, tampered
from iotcall.shipped import shipped


@pytest.fixture
def shell() -> Shell:
    target = Target("main")
    LocalShellDriver(target, name=None)
    driver = target.get_driver("CommandProtocol")
    assert driver is target.get_driver("FileTransferProtocol")
    return Shell(driver, driver, python=sys.executable)


def test_commands_say_what_they_say_and_fail_with_their_last_words(shell: Shell) -> None:
    said = shell.run("echo one; echo two; echo three >&2; exit 3")
    assert (said.out, said.err, said.code) == ("one\ntwo", "three", 3)
    with pytest.raises(BoardError, match=r"exit code 3 .*: one \| two"):
        shell.check("echo one; echo two; exit 3")


def test_a_command_that_takes_too_long_is_ended_with_what_it_started(shell: Shell, tmp_path: Path
                                                                     ) -> None:
    with pytest.raises(BoardError, match=r"not done after 0\.3 s"):
        shell.run(f"sleep 60 & echo $! > {tmp_path}/pid; wait", timeout_s=0.3)
    pid = (tmp_path / "pid").read_text().strip()
    assert shell.run(f"grep -qs '^State:.[^ZX]' /proc/{pid}/status").code


def test_a_program_stays_and_is_stopped(shell: Shell, tmp_path: Path) -> None:
    process = shell.start(["sh", "-c", "echo up; exec sleep 60"], log=f"{tmp_path}/log")
    assert process.alive()
    process.stop()
    deadline = time.monotonic() + 10
    while process.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not process.alive()
    assert process.last_words() == "up"


def test_a_bundle_lands_whole_and_serves_after_a_switch(shell: Shell, tmp_path: Path) -> None:
    starter = shipped("bundles") / "smart_home"
    installed = Installation(shell, f"{tmp_path}/bundles")
    assert installed.version() is None
    assert installed.install(starter) == installed.version() == 1
    assert open_bundle(Path(installed.current)).name == "smart_home"
    assert installed.install(renamed(open_bundle(starter), tmp_path / "next", "next")) == 2
    assert open_bundle(Path(installed.current)).name == "next"
    installed.switch(1)
    assert installed.version() == 1


def test_a_tampered_bundle_is_refused_and_the_old_one_serves(shell: Shell, tmp_path: Path) -> None:
    opened = open_bundle(shipped("bundles") / "smart_home")
    installed = Installation(shell, f"{tmp_path}/bundles")
    installed.install(opened.folder)
    with pytest.raises(BundleRefused, match="was altered"):
        installed.install(tampered(opened, tmp_path / "tampered"))
    assert installed.version() == 1


def test_a_broken_bundle_is_whole_all_the_same(shell: Shell, tmp_path: Path) -> None:
    installed = Installation(shell, f"{tmp_path}/bundles")
    opened = open_bundle(shipped("bundles") / "smart_home")
    version = installed.land(broken(opened, tmp_path / "broken"))
    assert installed.verify(version).fault == ""
