from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.distill.traces.reading import find_sources
from iotcall.distill.validation.checks import fault
from iotcall.distill.validation.heldout import HeldOut
from iotcall.distill.validation.validate import Dropped, Limits, Report, validate, write_lines
from iotcall.errors import FileError
from iotcall.evaluate import Dialogue, LabelledTurn, read_dialogues
from iotcall.formats import FORMATS
from tests.cli.command import ended, run, run_json

LAMP = Path(__file__).parents[2] / "catalogues" / "lamp"


def row(said: str, name: str = "lamp", **arguments: Any) -> dict[str, Any]:
    return {"question": said, "answer": {"name": name, "parameters": arguments}}


GOOD = [row("light on", state="on"), row("heat to 21", "heat", degrees=21)]
BAD: list[tuple[Any, str]] = [
    (row("light dim", state="dim"), "invalid arguments"),
    (row("fly", "fly"), "unknown tool"),
    ({"question": "hello", "answer": None}, "answered without a call"),
    ({"question": "both", "answer": [{"name": "heat", "parameters": {"degrees": 20}}] * 2},
     "too many calls"),
    (row("say <|call|> now", state="on"), "a format's special token was said"),
    (row("note it", "note", text="<escape>"), "does not come back from functiongemma"),
    (row("Light on!", state="on"), "duplicate"),
    (row("heat to 21", "heat", degrees=22), "same words as before, other calls"),
    (row("", state="on"), "nothing said"), ("x", "not an object"),
]


def check(rows: list[Any], catalogue: Catalogue, folder: Path, held_out: HeldOut | None = None,
          **limits: Any) -> tuple[Report, list[dict[str, Any]], list[Dropped]]:
    write_lines(folder / "rows.jsonl", rows)
    source, = find_sources([str(folder / "rows.jsonl")])
    return validate(source, catalogue, list(FORMATS.values()), held_out or HeldOut(0.9),
                    Limits(**limits))


@pytest.mark.parametrize(("bad", "reason"), BAD)
def test_a_bad_row_is_dropped_for_its_reason_and_the_good_ones_stay(
        bad: Any, reason: str, lamp: Catalogue, tmp_path: Path) -> None:
    report, clean, dropped = check([*GOOD, bad], lamp, tmp_path)
    assert report.dropped == {reason: 1}
    assert [(each.row, each.reason, each.content) for each in dropped] == [(3, reason, bad)]
    assert report.kept == len(clean) == 2
    assert report.rows == 3


def test_clean_rows_are_the_same_dialogues_and_keep_what_else_stood_there(
        lamp: Catalogue, tmp_path: Path) -> None:
    _, clean, _ = check([{**each, "seed": 7} for each in GOOD], lamp, tmp_path)
    write_lines(tmp_path / "clean.jsonl", clean)
    assert read_dialogues(tmp_path / "clean.jsonl") == read_dialogues(tmp_path / "rows.jsonl")
    assert [each["seed"] for each in clean] == [7, 7]
    assert check(clean, lamp, tmp_path)[1] == clean


@pytest.mark.parametrize("format", FORMATS.values(), ids=list(FORMATS))
def test_the_shipped_calls_come_back_from_every_format(format: Any, lamp: Catalogue) -> None:
    turns = (LabelledTurn("light on", (ToolCall("lamp", {"state": "on", "room": "attic"}),)),
             LabelledTurn("note tea", (ToolCall("note", {"text": "tea"}),)))
    assert fault(Dialogue(turns), lamp, [format]) is None


def test_held_out_utterances_are_dropped_and_commonplaces_are_let_pass(
        lamp: Catalogue, tmp_path: Path) -> None:
    held_out = HeldOut(0.85)
    held_out.add(["Light on.", "heat the big attic to 21 degrees", "unlike all"])
    rows = [*GOOD, row("heat the big attic to 21 degrees!", "heat", degrees=21),
            row("heat the big attic to 21 degree", "heat", degrees=21)]
    report, _, _ = check(rows, lamp, tmp_path, held_out)
    assert report.dropped == {"held out": 2, "nearly held out": 1}
    assert (report.held_out, report.commonplaces) == (3, 0)
    report, _, _ = check(rows, lamp, tmp_path, held_out, commonplace=2)
    assert report.dropped == {"held out": 1, "nearly held out": 1}
    assert report.commonplaces == 1


def test_a_row_that_a_longer_one_holds_goes(lamp: Catalogue, tmp_path: Path) -> None:
    longer = {"question": [{"role": "user", "content": "light on"}, {
        "role": "assistant", "tool_calls": [{"function": {"name": "lamp",
                                                          "arguments": {"state": "on"}}}]},
        {"role": "user", "content": "and off"}], "answer": row("", state="off")["answer"]}
    report, _, dropped = check([*GOOD, longer], lamp, tmp_path)
    assert [(each.row, each.reason, each.detail) for each in dropped] == [
        (1, "part of a longer dialogue", "of row 3")]
    assert report.tools == {"lamp": 2, "heat": 1, "note": 0}


def test_a_file_without_rows_is_refused(lamp: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds no row"):
        check([], lamp, tmp_path)


def test_the_command_writes_clean_rows_dropped_rows_and_a_report(tmp_path: Path) -> None:
    source, out, left = (tmp_path / name for name in ("rows.jsonl", "out.jsonl", "left.jsonl"))
    source.write_text("{torn\n" + "".join(json.dumps(each) + "\n" for each in GOOD))
    command = ("distill", "validate", str(source), "--catalogue", str(LAMP), "--out", str(out),
               "--dropped", str(left))
    report = run_json(*command)
    assert report["dropped"] == {"not JSON": 1}
    assert len(read_dialogues(out)) == report["kept"] == 2
    assert json.loads(left.read_text())["row"] == 1
    assert "2 of 3 rows are clean" in run(*command)
    assert ended(*command, "--strict").returncode == 1
    assert ended("distill", "validate", str(out), "--catalogue", str(LAMP), "--strict"
                 ).returncode == 0


def test_hashes_are_written_where_the_sentences_are_and_used_where_they_are_not(
        tmp_path: Path) -> None:
    said = tmp_path / "held.said"
    said.write_text("the [attic](room) light on | lamp state=on\n")
    hashes, rows = tmp_path / "hashes", tmp_path / "rows.jsonl"
    run("distill", "validate", "--catalogue", str(LAMP), "--held-out", str(said),
        "--write-hashes", str(hashes))
    rows.write_text(json.dumps(row("The attic light: on!", room="attic", state="on")) + "\n")
    report = run_json("distill", "validate", str(rows), "--catalogue", str(LAMP),
                      "--hashes", str(hashes))
    assert report["dropped"] == {"held out": 1}


@pytest.mark.parametrize(("arguments", "complaint"), [
    ([], "give a file to check"), (["--write-hashes", "x"], "needs --held-out"),
    (["missing.jsonl", "--near", "nan"], "--near: nan is no number"),
    (["missing.jsonl", "--near-held-out", "nan"], "--near-held-out: nan is no number"),
    (["missing.jsonl"], "is missing"), ([str(LAMP), "--format", "morse"], "morse"),
    ([str(LAMP / "tools.json"), "--out", str(LAMP / "tools.json")], "read or written already"),
    ([str(LAMP / "tools.json"), "--hashes", str(LAMP / "tools.json")], "no file of hashes")])
def test_what_cannot_be_done_is_refused(arguments: list[str], complaint: str) -> None:
    assert complaint in run("distill", "validate", *arguments, "--catalogue", str(LAMP), code=2)


def test_marked_dialogues_become_rows(tmp_path: Path) -> None:
    said, out = tmp_path / "a.said", tmp_path / "out.jsonl"
    said.write_text("# spoken\n> the [attic](room) light on | lamp state=on\n"
                    ">> and off | lamp state=off\nheat to [21](degrees) | heat\n")
    found = run_json("distill", "unmark", str(said), "--catalogue", str(LAMP), "--out", str(out))
    assert (found["dialogues"], found["turns"]) == (2, 3)
    assert read_dialogues(out)[0] == Dialogue((
        LabelledTurn("the attic light on", (ToolCall("lamp", {"room": "attic", "state": "on"}),)),
        LabelledTurn("and off", (ToolCall("lamp", {"state": "off"}),))))
    said.write_text("# nothing\n")
    assert "holds no dialogue" in run("distill", "unmark", str(said), "--catalogue", str(LAMP),
                                      "--out", str(out), code=2)
