"""A demo with everything real but the student, which the hub tests' stand-in plays."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from iotcall.demo.prompt import Display, converse, play
from iotcall.demo.script import read_script
from iotcall.demo.stage import Cast, Stage, running_stage
from iotcall.devices import load_home
from iotcall.errors import InputError, IotcallError
from iotcall.shipped import shipped

ROOT = Path(__file__).parents[2]
HOME = shipped("devices") / "homes" / "demo.toml"
CAST = Cast(home=load_home(HOME), home_path=HOME, bundle="none",
            hub_command=(sys.executable, str(ROOT / "tests" / "hub" / "stand_in.py")))


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "PYTHONPATH", str(ROOT))
        with running_stage(CAST) as running:
            yield running


def written(folder: Path, *lines: str) -> Path:
    path = folder / "any.script"
    path.write_text("\n".join(lines))
    return path


def printed(capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], str]:
    """(JSON lines on standard output, what people read on standard error)"""
    found = capsys.readouterr()
    return [json.loads(line) for line in found.out.splitlines()], found.err


def test_an_utterance_moves_the_simulated_home(stage: Stage) -> None:
    turn = stage.say("kitchen lights on")
    assert turn.outcome == "done"
    assert stage.states()["kitchen light"]["state"] == "on"


def test_a_script_is_said_at_the_satellites_that_it_names(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = written(tmp_path, "@kitchen", "lights off => kitchen light: state=off; ?done",
                     "@living_room", "lights off => living room lamp: state=off; ?done")
    assert play(read_script(script, CAST.home), stage, Display(json=True))
    assert [record["site_id"] for record in printed(capsys)[0]] == ["kitchen", "living_room"]


def test_a_message_that_the_hub_refuses_is_a_turn_too(stage: Stage) -> None:
    assert stage.say("a" * 500).outcome == "malformed"


def test_a_script_is_played_and_its_turns_are_printed(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = written(tmp_path, "bedroom lights on => bedroom light: state=on; ?done",
                     "lock front => front door: lock=locked",
                     "unlock front => ?question", "yes => front: lock=unlocked",
                     "thermostat 72 => thermostat: setpoint=22", "peru => !refused")
    assert play(read_script(script, CAST.home), stage, Display(json=True))
    records, text = printed(capsys)
    assert [record["outcome"] for record in records] == [
        "done", "done", "question", "done", "done", "refused"]
    assert all(record["differences"] == [] for record in records)
    assert "6 utterances, 7 expectations, 0 lines differ" in text


def test_one_of_anything_is_counted_as_one(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(read_script(written(tmp_path, "peru => ?done"), CAST.home), stage, Display(json=True))
    assert "1 utterance, 1 expectation, 1 line differs" in printed(capsys)[1]


def test_a_script_that_is_not_met_names_what_differs(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = written(tmp_path, "# first", "hallway lights on => hallway light: state=off; ?answer",
                     "office lights on => office light: state=on")
    assert not play(read_script(script, CAST.home), stage, Display(json=True))
    records, text = printed(capsys)
    assert [len(record["differences"]) for record in records] == [2, 0]
    assert "line 2: 'hallway lights on': expected answer, found done" in text
    assert "hallway light: expected state=off, found on" in text


def test_people_see_utterance_call_topic_payload_and_state(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(read_script(written(tmp_path, "office lights off [/bold] => !refused",
                      "office lights off => ?done"),
                     CAST.home), stage, Display(json=False))
    shown = capsys.readouterr().out
    for part in ("office lights off [/bold]", 'toggle_lights(room="office", state="off")',
                 "confidence 0.90", "zigbee2mqtt/office_light/set", '{"state":"OFF"}',
                 "office light: brightness=100, state=off", "The office light is off."):
        assert part in shown


def test_the_prompt_reads_until_quit_and_knows_home_and_help(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\nhelp\nbathroom lights on\nhome\nquit\nnever"))
    converse(stage, Display(json=True))
    records, text = printed(capsys)
    assert [record["utterance"] for record in records] == ["bathroom lights on"]
    assert "the state of every device" in text
    assert "bathroom light" in text


def test_typed_bytes_that_are_no_text_are_replaced(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = io.TextIOWrapper(io.BytesIO(b"\xff\nhallway lights on\n"), "utf-8", "surrogateescape")
    monkeypatch.setattr(sys, "stdin", typed)
    converse(stage, Display(json=True))
    records, _ = printed(capsys)
    assert [record["utterance"] for record in records] == ["\ufffd", "hallway lights on"]


def test_the_prompt_ends_where_the_input_ends(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    converse(stage, Display(json=True))


def test_a_site_that_is_no_satellite_is_refused_with_the_satellites() -> None:
    with pytest.raises(InputError, match=r"'nowhere' .*: default, kitchen, living_room$"), \
            running_stage(msgspec.structs.replace(CAST, site_id="nowhere")):
        pass


def test_a_hub_that_does_not_start_is_an_error_with_the_end_of_its_log() -> None:
    fails = (sys.executable, "-c", "import sys; sys.exit('no such bundle')")
    with pytest.raises(IotcallError, match=r"did not start .*exit code 1.*\n.*no such bundle"), \
            running_stage(msgspec.structs.replace(CAST, hub_command=fails)):
        pass


def test_nothing_of_a_demo_is_left_running(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    runs = (sys.executable, "-c",
            f"import os, runpy, sys; open({str(note)!r}, 'w').write(str(os.getpid()));"
            f"sys.path.insert(0, {str(ROOT)!r});"
            f"runpy.run_path({CAST.hub_command[1]!r}, run_name='__main__')")
    with running_stage(msgspec.structs.replace(CAST, hub_command=runs)):
        pid = int(note.read_text())
        assert Path(f"/proc/{pid}").exists()
    assert not Path(f"/proc/{pid}").exists()
