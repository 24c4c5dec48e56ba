"""Every shipped board, environment and suite can be used as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from iotcall.errors import FileError, InputError
from iotcall.hil.bench import environment_of, run_suite
from iotcall.hil.claims import target_claims
from iotcall.hil.doctor import examine
from iotcall.hil.suite import CHECKS, load_suite
from iotcall.runtime.board import load_board
from iotcall.shipped import shipped

BOARDS = sorted(path.stem for path in (shipped("devices") / "boards").glob("*.toml"))
SUITES = sorted(path.stem for path in (shipped("hil") / "suites").glob("*.toml"))


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_names_an_environment_and_a_target_that_are_there(name: str) -> None:
    board = load_board(name)
    if board.bench:
        environment = yaml.safe_load(environment_of(board, name).read_text())
        assert "main" in environment["targets"]
        assert board.machine
        assert target_claims(board.target).provider
        assert board.verified or board.sources


def test_real_boards_are_unverified_until_somebody_has_run_the_bench_on_them() -> None:
    assert not load_board("raspberry-pi-5").verified
    assert not load_board("rubik-pi-3").verified
    assert load_board("emu-arm64").stamp == load_board("qemu-arm64").stamp == "emulated"
    assert load_board("emu-qnn-v68").stamp == load_board("emu-qnn-v73").stamp == "simulated"


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_makes_checks_that_there_are(name: str) -> None:
    checks = load_suite(name).checks
    assert checks
    assert all((shipped("hil") / f"test_{check}.py").is_file() for check in checks)


def test_the_nightly_suite_makes_every_check_a_pull_request_all_but_the_services() -> None:
    assert load_suite("nightly").checks == CHECKS
    assert set(CHECKS) - set(load_suite("pull_request").checks) == {
        "instructions", "throttling", "energy", "service"}
    assert load_suite("service").checks == CHECKS[-1:] == ("service",)
    assert load_suite("instructions").checks == ("instructions",)


def test_an_unknown_key_of_a_suite_is_refused_and_the_nearest_named(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text('summary = "x"\n[latency]\nquerys = 70\n')
    with pytest.raises(FileError, match="did you mean `queries`"):
        load_suite(str(path))


def test_fewer_queries_than_mlperf_wants_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "suite.toml"
    path.write_text('summary = "x"\n[latency]\nqueries = 20\n')
    with pytest.raises(FileError, match="64"):
        load_suite(str(path))


def test_a_board_that_the_bench_does_not_know_is_refused_before_anything_runs(tmp_path: Path
                                                                              ) -> None:
    with pytest.raises(InputError, match="has no \\[bench\\] table"):
        run_suite(suite="pull_request", board="host", bundle=None, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_doctor_finds_nothing_wrong_with_this_machine() -> None:
    findings = {found.what: found for found in examine("host-x86")}
    assert findings["shell"].level == findings["iotcall"].level == "ok"
    assert findings["provider"].found.startswith("CPUExecutionProvider in onnxruntime")


def test_the_doctor_says_what_to_do_about_a_board_that_is_not_there(tmp_path: Path) -> None:
    environment = tmp_path / "away.yaml"
    environment.write_text("targets: {main: {resources: {NetworkService: {address: 127.0.0.1, "
                           "port: 9, username: nobody}}, drivers: {SSHDriver: "
                           "{connection_timeout: 1.0}}}}")
    board = tmp_path / "away.toml"
    board.write_text(f'summary = "away"\n[bench]\nenvironment = "{environment}"\n')
    found = {each.what: each for each in examine(str(board))}
    wrong = found.get("here: ssh") if found["here: ssh"].level == "error" else found["shell"]
    assert wrong
    assert wrong.level == "error"
    assert wrong.do


def test_the_doctor_warns_of_a_board_that_nobody_has_tried() -> None:
    warned = next(found for found in examine("raspberry-pi-5") if found.what == "board file")
    assert warned.level == "warning"
