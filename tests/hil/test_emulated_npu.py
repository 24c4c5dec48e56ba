"""A board whose NPU is emulated: another interpreter in this machine's shell, its own student."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from labgrid import Target

from iotcall.catalogue import load_catalogue
from iotcall.devices import load_home
from iotcall.dialogue.reading import read_dialogue
from iotcall.errors import InputError
from iotcall.hil.bench import made_here, run_suite
from iotcall.hil.doctor import examine
from iotcall.hil.emulated import emulated_folder
from iotcall.hil.emulated_npu import (
    CHECKPOINT,
    PROGRAM,
    TWIN_TARGET,
    bundles_step,
    is_npu_set_up,
    load_student,
    program_step,
)
from iotcall.hil.provider_shell import ProviderShellDriver
from iotcall.hil.shell import BoardError, Shell
from iotcall.hil.steps import is_made, make_step
from iotcall.runtime.board import load_board
from tests.lamp import FOLDER, STUDENTS

BOARDS = ["emu-qnn-v68", "emu-qnn-v73"]
NPU = "qnn-htp-v68"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IOTCALL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_benchs_student_is_the_tests_own_with_words_and_a_home() -> None:
    student = load_student("lamp", NPU)
    assert (student.folder / "tools.json").read_bytes() == (FOLDER / "tools.json").read_bytes()
    config = msgspec.json.decode((student.folder / CHECKPOINT / "config.json").read_bytes())
    assert config["model_type"] in STUDENTS
    catalogue = load_catalogue(student.folder)
    words = student.folder / "dialogue.toml"
    said = read_dialogue(words.read_text(), catalogue, words)
    assert {*said.set, *said.unclear} == {tool.name for tool in catalogue.tools}
    home = load_home(student.home)
    assert {device.kind for device in home.devices} == {tool.kind for tool in said.set.values()}


def test_a_student_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    whole = load_student("lamp", NPU).folder
    shutil.copytree(whole, tmp_path / "half", ignore=shutil.ignore_patterns(CHECKPOINT))
    with pytest.raises(InputError, match="has no checkpoint"):
        load_student(str(tmp_path / "half"), NPU)


@pytest.mark.parametrize("name", BOARDS)
def test_a_run_before_the_setup_is_refused_with_the_command(name: str, cache: Path, tmp_path: Path
                                                            ) -> None:
    with pytest.raises(InputError, match=f"iotcall hil setup {name}"):
        run_suite(suite="pull_request", board=name, bundle=None, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", BOARDS)
def test_the_doctor_says_that_the_board_must_be_made_and_how(name: str, cache: Path) -> None:
    found = next(each for each in examine(name) if each.what == "system")
    assert (found.level, found.do) == ("error", f"iotcall hil setup {name}")
    assert found.found.startswith(str(cache))


def test_a_board_that_was_never_made_is_not_switched_on(cache: Path) -> None:
    target = Target("main")
    driver = ProviderShellDriver(target, name=None, system="emu-qnn-v68")
    with pytest.raises(BoardError, match="iotcall hil setup emu-qnn-v68"):
        target.activate(driver)


def test_its_shell_finds_its_interpreter_and_none_of_the_benchs_packages(
        cache: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(other)], check=True)
    step, folder = program_step(other / "bin" / "python"), emulated_folder("emu-qnn-v68")
    folder.mkdir(parents=True)
    make_step(folder, step, print)
    target = Target("main")
    driver = ProviderShellDriver(target, name=None, system="emu-qnn-v68")
    target.activate(driver)
    shell = Shell(driver, driver, python=PROGRAM)
    assert shell.check(f"{PROGRAM} -c 'import sys; print(sys.prefix)'") == str(other)
    assert shell.run(f"cd / && {PROGRAM} -c 'import labgrid'").code == 1
    process = shell.start([PROGRAM, "-c", "import time; time.sleep(600)"], log=f"{tmp_path}/log")
    assert process.alive()
    process.stop()
    assert not process.alive()
    target.deactivate(driver)


def test_another_interpreter_makes_another_program(tmp_path: Path) -> None:
    make_step(tmp_path, program_step(Path("/one/bin/python")), print)
    assert is_made(tmp_path, program_step(Path("/one/bin/python")))
    assert not is_made(tmp_path, program_step(Path("/an other/bin/python")))


def test_bundles_are_made_again_for_another_target_or_student(tmp_path: Path) -> None:
    student = load_student("lamp", NPU)
    shutil.copytree(student.folder, tmp_path / "lamp")
    same = load_student(str(tmp_path / "lamp"), NPU)
    stamp = bundles_step(student, print).stamp
    assert bundles_step(same, print).stamp == stamp
    assert bundles_step(load_student("lamp", "qnn-htp-v73"), print).stamp != stamp
    with (tmp_path / "lamp" / "golden.jsonl").open("a") as golden:
        golden.write("\n")
    assert bundles_step(same, print).stamp != stamp


def test_a_board_that_is_reached_otherwise_is_not_made_here() -> None:
    assert made_here(load_board("emu-qnn-v73"), "emu-qnn-v73") == (
        "ProviderShellDriver", "emu-qnn-v73")
    with pytest.raises(InputError, match="nothing here makes the board 'raspberry-pi-5'"):
        made_here(load_board("raspberry-pi-5"), "raspberry-pi-5")


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_a_board_that_was_made_runs_every_node_on_its_npu_and_makes_this_machines_calls(
        name: str, tmp_path: Path) -> None:
    """The environment of QNN's emulation; two exports. What is in the cache already is used."""
    subprocess.run([sys.executable, "-m", "iotcall", "hil", "setup", name], check=True)
    board = load_board(name)
    assert is_npu_set_up(emulated_folder(name), load_student("lamp", board.target))
    assert [each for each in examine(name) if each.level == "error"] == []
    (tmp_path / "suite.toml").write_text(
        'summary = "a part"\n[identity]\n[claims]\n[numerics]\n[agreement]\n')
    run = run_suite(suite=str(tmp_path / "suite.toml"), board=name, bundle=None,
                    out=tmp_path / "out", quiet=True)
    assert run.failed == ()
    assert run.bundle == f"lamp-{board.target}"
    assert {row.stamp for row in run.rows} == {"simulated"}
    assert not [row.check for row in run.rows if row.unit in ("ms", "s")]
    for check, value in (("claims.elsewhere", 0), ("claims.partitions", 1)):
        assert [(row.labels["graph"], row.value) for row in run.rows if row.check == check] == [
            ("chunk.onnx", value), ("step.onnx", value)]
    agreed = next(row for row in run.rows if row.check == "agreement.calls")
    assert f"exported for {TWIN_TARGET}" in agreed.labels["other"]
    assert run.versions["onnxruntime"] == importlib.metadata.version("onnxruntime")
