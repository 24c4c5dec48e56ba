"""What a person sees of the command line when something is wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from iotcall.runtime.prompt import UTTERANCE_LENGTH
from tests import lamp
from tests.cli.command import ROOT, ended, run

STARTER = ROOT / "bundles" / "smart_home"


@pytest.mark.parametrize("said", ["\x07", "\u200b", "<|end|>"])
def test_an_utterance_that_cleaning_empties_is_nothing_said(said: str) -> None:
    assert "found nothing" in run("call", said, code=2)


def test_a_long_utterance_is_refused_with_both_lengths() -> None:
    shown = run("call", "a" * (UTTERANCE_LENGTH + 1), code=2)
    assert f"{UTTERANCE_LENGTH + 1} characters" in shown
    assert f"at most {UTTERANCE_LENGTH}" in shown


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    done = ended("call", "--json", b"lights \xff on")
    assert json.loads(done.stdout)["utterance"] == "lights \ufffd on"


def test_a_terminal_without_our_signs_gets_others() -> None:
    done = ended("call", "--json", "lights \u2603 on", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert '"lights ? on"' in done.stdout


@pytest.mark.parametrize(("call", "expected"), [
    ({"name": "fly", "arguments": {}}, "no tool is called 'fly'"),
    ({"name": "lock_door", "arguments": {"door": "cellar9"}}, "another catalogue"),
])
def test_a_session_of_other_tools_is_refused(tmp_path: Path, call: object, expected: str) -> None:
    path = tmp_path / "session.json"
    path.write_text(json.dumps({"bundle": "smart_home", "turns": [
        {"utterance": "go", "calls": [call]}]}))
    shown = run("call", "--session", str(path), "lights on", code=2)
    assert expected in shown
    assert "remove it to begin anew" in shown


def test_a_session_that_is_a_folder_or_in_none_asks_for_another(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing" / "session.json"):
        shown = run("call", "--session", str(path), "lights on", code=2)
        assert "choose another --session" in shown
        assert "remove" not in shown


def test_a_broken_bundle_is_a_line_among_the_others(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(STARTER, broken)
    (broken / "catalogue.json").unlink()
    done = ended("bundles", str(broken), "smart_home")
    assert done.returncode == 2
    first, second = done.stdout.splitlines()[:2]
    assert first.startswith("broken: ")
    assert "is missing" in first
    assert second.startswith("smart_home (default)")
    found, whole = json.loads(ended("bundles", str(broken), "smart_home", "--json").stdout)
    assert set(found) == {"folder", "error"}
    assert whole["name"] == "smart_home"


def test_export_asks_for_the_catalogue_that_a_checkpoint_does_not_name(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    shown = run("export", str(tmp_path), "--out", out, code=2)
    assert "does not say which catalogue" in shown
    assert "add --catalogue" in shown
    note = {"format": "compact", "catalogue": "gone", "recipe": {}, "dialogues_sha256": ""}
    (tmp_path / "iotcall.json").write_text(json.dumps(note))
    shown = run("export", str(tmp_path), "--out", out, code=2)
    assert "'gone', which is not here; add --catalogue" in shown
    shown = run("export", str(tmp_path), "--catalogue", "smart_home", "--out", out, code=2)
    assert "note: " in shown
    assert "'gone', not for 'smart_home'" in shown
    (tmp_path / "iotcall.json").write_text("{")
    assert "give --format and --catalogue" in run(
        "export", str(tmp_path), "--catalogue", "smart_home", "--out", out, code=2)


def test_a_broken_note_is_left_out_where_options_say_all_of_it(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from iotcall.cli.export import _note

    (tmp_path / "iotcall.json").write_text("{")
    assert _note(tmp_path, needed=False) is None
    assert "is left out" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "expected"), [
    (["--layers", "0"], ">= 1 - at `$.layers`"),
    (["--vocabulary", "299"], ">= 300 - at `$.vocabulary`"),
    (["--epochs", "0"], "> 0.0 - at `$.epochs`"),
    (["--epochs", "nan"], "epochs"),
    (["--learning-rate", "0"], "> 0.0 - at `$.learning_rate`"),
    (["--width", "100"], "found width 100 and heads 8"),
    (["--width", "8"], "even width per head"),
    (["--recipe", "nosuch"], "shipped: banking, home"),
    (["--recipe", "smart_home", "--layers", "0"], "at `$.layers`"),
    (["--format", "nosuch"], "no wire format is called 'nosuch'"),
])
def test_a_student_that_cannot_be_built_is_refused(
        tmp_path: Path, options: list[str], expected: str) -> None:
    shown = run("train", "--out", str(tmp_path / "out"), *options, code=2)
    assert expected in shown
    assert not (tmp_path / "out").exists()


def test_training_into_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    for more in ([], ["--resume"]):
        assert "is a file" in run("train", "--out", str(tmp_path / "out"), *more, code=2)


@pytest.mark.parametrize(("answer", "expected"), [
    ([], "found a refusal"),
    ([{"name": "lamp", "arguments": {"room": "attic", "state": "on"}}] * 2, "found 2 calls"),
    ({"name": "lamp", "arguments": {"room": "moon", "state": "on"}}, "no call of the catalogue"),
    ({"name": "fly", "arguments": {}}, "no tool is called 'fly'"),
])
def test_data_that_cannot_be_learnt_is_refused_by_row_and_turn(
        tmp_path: Path, answer: object, expected: str) -> None:
    golden = (lamp.FOLDER / "golden.jsonl").read_text().splitlines()[0]
    data = tmp_path / "data.jsonl"
    data.write_text(golden + "\n" + json.dumps({"question": "go", "answer": answer}) + "\n")
    shown = run("train", "--out", str(tmp_path / "out"), "--catalogue", str(lamp.FOLDER),
                "--data", str(data), code=2)
    assert expected in shown
    assert "row 1, turn 0" in shown


def test_eval_of_other_tools_is_refused_at_the_start(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text('{"question": "go", "answer": {"name": "fly", "arguments": {}}}\n')
    shown = run("eval", "--data", str(data), code=2)
    assert "row 0, turn 0" in shown
    assert "'fly'" in shown


def test_eval_says_who_uses_a_home() -> None:
    assert "bind" in run("eval", "--help")


def test_a_seed_below_zero_is_refused() -> None:
    assert "--seed" in run("grammar", "sample", "--seed", "-1", code=2)


@pytest.mark.parametrize(("fault", "code", "expected"), [
    (OSError(28, "No space left on device", "there"), 1, "error: [Errno 28] No space left"),
    (ModuleNotFoundError("No module named 'torch'", name="torch"), 2, "'iotcall[train]'"),
    (ModuleNotFoundError("No module named 'onnx_ir'", name="onnx_ir.passes"), 2,
     "'iotcall[export]'"),
    (ModuleNotFoundError("No module named 'amqtt'", name="amqtt"), 2, "'iotcall[demo]'"),
    (ModuleNotFoundError("No module named 'outlines_core'", name="outlines_core"), 2,
     "'iotcall[grammar]'"),
])
def test_a_fault_of_the_machine_is_one_line(
        failing: Callable[[BaseException], int], capsys: pytest.CaptureFixture[str],
        fault: Exception, code: int, expected: str) -> None:
    assert failing(fault) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert expected in line


def test_a_missing_module_that_no_extra_brings_is_shown_as_it_is(
        failing: Callable[[BaseException], int]) -> None:
    with pytest.raises(ModuleNotFoundError):
        failing(ModuleNotFoundError("No module named 'mine'", name="mine"))


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], int]:
    """The exit code of a command line whose command fails so."""
    from iotcall.cli import main as run_main

    def fail(fault: BaseException) -> int:
        def app(**_: object) -> None:
            raise fault

        monkeypatch.setitem(run_main.__globals__, "app", app)
        monkeypatch.setattr("signal.signal", lambda *_: None)
        with pytest.raises(SystemExit) as caught:
            run_main()
        return int(caught.value.code or 0)

    return fail
