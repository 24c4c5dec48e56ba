from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iotcall.catalogue import ToolCall
from iotcall.evaluate import Dialogue, LabelledTurn, read_dialogues
from iotcall.hub.fallback import Recorder
from iotcall.hub.fallback.traces import trace
from iotcall.runtime import Turn

ON = ToolCall("toggle_lights", {"room": "kitchen", "state": "on"})
HISTORY = (Turn("kitchen lights on", (ON,)),)


def row(utterance: str = "again", **more: Any) -> dict[str, Any]:
    return trace(HISTORY, utterance, (ON,), verdict="admitted", **more)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_lines_are_dialogues_that_are_read_like_others(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "new" / "traces.jsonl")
    recorder.add(row("again\u2028and [more]"))
    recorder.add(trace((), "open up", (), verdict="not_grounded", model="big",
                       rejected=[{"name": "lock_door", "arguments": '{"door": "barn"}'}]))
    first, second = read_dialogues(tmp_path / "new" / "traces.jsonl")
    assert first == Dialogue((LabelledTurn("kitchen lights on", (ON,)),
                              LabelledTurn("again and [more]", (ON,))))
    assert second == Dialogue((LabelledTurn("open up", ()),))
    told = lines(tmp_path / "new" / "traces.jsonl")
    assert [line["source"] for line in told] == ["fallback", "fallback"]
    assert [line["verdict"] for line in told] == ["admitted", "not_grounded"]
    assert told[1]["rejected"] == [{"name": "lock_door", "arguments": '{"door": "barn"}'}]


def test_sites_are_told_apart_and_not_named(tmp_path: Path) -> None:
    recorder, other = Recorder(tmp_path / "a"), Recorder(tmp_path / "b")
    assert recorder.hashed("bedroom") == recorder.hashed("bedroom")
    assert len({recorder.hashed("bedroom"), recorder.hashed("hall"), other.hashed("hall"),
                recorder.hashed("\ud800")}) == 4
    recorder.add(row(site=recorder.hashed("bedroom")))
    assert "bedroom" not in (tmp_path / "a").read_text()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "traces.jsonl")
    recorder.add(row())
    assert (tmp_path / "traces.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_full_file_is_set_aside_and_the_oldest_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    size = len(json.dumps(row("said 0"))) + 1
    recorder = Recorder(path, largest=2 * size, old_files=2)
    for number in range(9):
        recorder.add(row(f"said {number}"))
    kept = {each.name: [line["question"][-1]["content"] for line in lines(each)]
            for each in tmp_path.iterdir()}
    assert kept == {"traces.jsonl": ["said 8"], "traces.jsonl.1": ["said 6", "said 7"],
                    "traces.jsonl.2": ["said 4", "said 5"]}
    assert all(each.stat().st_size <= 2 * size for each in tmp_path.iterdir())


def test_without_old_files_a_full_one_begins_anew(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "traces.jsonl", largest=300, old_files=0)
    for _ in range(9):
        recorder.add(trace((), "x", (), verdict="no_calls"))
    assert [each.name for each in tmp_path.iterdir()] == ["traces.jsonl"]
    assert (tmp_path / "traces.jsonl").stat().st_size <= 300


def test_lines_are_added_to_what_is_there(tmp_path: Path) -> None:
    for number in range(2):
        Recorder(tmp_path / "traces.jsonl").add(row(f"said {number}"))
    assert len(lines(tmp_path / "traces.jsonl")) == 2


@pytest.mark.parametrize("torn", ['{"question": "ha', "\0\0\0", "x" * 70_000])
def test_a_line_that_a_power_cut_tore_is_cut_off(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "traces.jsonl"
    Recorder(path).add(row())
    whole = path.read_text()
    path.write_text(whole + torn[:60_000])
    Recorder(path).add(row())
    assert path.read_text() == whole + whole


def test_a_line_that_is_too_long_is_left_out(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "traces.jsonl")
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    recorder.add(row(rejected=[{"name": "x" * 70_000, "arguments": ""}]))
    recorder.add(row(rejected=[{"name": "x", "arguments": {"a": deep}}]))
    assert not (tmp_path / "traces.jsonl").exists()


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious\n")
    (tmp_path / "traces.jsonl").symlink_to(tmp_path / "precious")
    Recorder(tmp_path / "traces.jsonl").add(row())
    assert (tmp_path / "precious").read_text() == "precious\n"


def test_a_file_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "traces.jsonl").mkdir()
    Recorder(tmp_path / "traces.jsonl").add(row())
    Recorder(Path("/dev/full")).add(row())
    assert list((tmp_path / "traces.jsonl").iterdir()) == []
