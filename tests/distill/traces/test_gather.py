from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from iotcall.catalogue import Catalogue, catalogue_from_json
from iotcall.distill.traces.gather import BROKEN, Options, Report, gather
from iotcall.distill.traces.reading import find_sources
from iotcall.errors import InputError
from iotcall.evaluate import read_dialogues

CARDS = catalogue_from_json([{"type": "function", "function": {
    "name": "block", "parameters": {"type": "object", "properties": {
        "number": {"type": "string", "enum": ["4111111111111111"]},
        "pin": {"type": "string", "pattern": "^[0-9]{4}$"}}}}}], "cards")


def row(said: str, name: str = "lamp", **arguments: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": said}, {
        "role": "assistant", "tool_calls": [{"function": {"name": name,
                                                          "arguments": json.dumps(arguments)}}]}]}


LAMPS = [row("light on", state="on"), row("Light on!", state="on"), row("light on", state="off"),
         row("heat to 21", "heat", degrees=21), row("heat to 99", "heat", degrees=99),
         row("fly", "fly"), row("attic light on", state="on", room=None), {"odd": 1}]


def write(path: Path, rows: list[Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def run(source: str, catalogue: Catalogue, out: Path, **more: Any) -> Report:
    return gather(find_sources([source]), catalogue, out, more.pop("options", Options()), **more)


def test_every_row_is_kept_or_counted_by_reason(lamp: Catalogue, tmp_path: Path) -> None:
    report = run(write(tmp_path / "a.jsonl", [*LAMPS, "x"]), lamp, tmp_path / "out.jsonl")
    assert report.kept == 3 == len(read_dialogues(tmp_path / "out.jsonl"))
    assert report.left_out == {
        "duplicate": 1, "invalid arguments": 1, "no messages": 1, "not an object": 1,
        "same words as before, other calls": 1, "unknown tool": 1}
    assert report.rows == 9 == report.kept + sum(report.left_out.values())
    assert report.tools == {"heat": 1, "lamp": 2}


def test_where_rows_were_left_out_is_written_without_their_words(
        lamp: Catalogue, tmp_path: Path) -> None:
    run(write(tmp_path / "a.jsonl", LAMPS), lamp, tmp_path / "out", left_out=tmp_path / "left")
    lines = [json.loads(line) for line in (tmp_path / "left").read_text().splitlines()]
    assert [(line["row"], line["reason"]) for line in lines][:2] == [
        (2, "duplicate"), (3, "same words as before, other calls")]
    assert "light" not in (tmp_path / "left").read_text()


def test_the_output_is_its_owners_alone_and_nothing_else_stays(
        lamp: Catalogue, tmp_path: Path) -> None:
    run(write(tmp_path / "a.jsonl", LAMPS), lamp, tmp_path / "out")
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "out"]


def test_labels_fit_the_catalogue_after_redaction_too(tmp_path: Path) -> None:
    rows = [row("my pin is 4821", "block", pin="4821"), row("my pin is 9937", "block", pin="9937"),
            row("block 4111 1111 1111 1111", "block", number="4111111111111111")]
    report = run(write(tmp_path / "a.jsonl", rows), CARDS, tmp_path / "out")
    assert report.left_out == {"duplicate": 1, BROKEN: 1}
    assert report.redacted == {"secret": 2}
    kept, = read_dialogues(tmp_path / "out")
    pin = kept.turns[0].calls[0].arguments["pin"]
    assert kept.turns[0].utterance == f"my pin is {pin}"
    assert pin not in ("4821", "9937")


def test_a_dialogue_is_cut_before_the_first_call_that_is_none(
        lamp: Catalogue, tmp_path: Path) -> None:
    long = {"messages": [*row("light on", state="on")["messages"], *row("fly", "fly")["messages"]]}
    report = run(write(tmp_path / "a.jsonl", [long]), lamp, tmp_path / "out")
    assert (report.kept, report.turns, report.cut_short) == (1, 1, {"unknown tool": 1})


@pytest.mark.parametrize("stop", [0, 1, 4, 7])
def test_an_interrupted_run_goes_on_and_ends_as_if_it_had_not_been(
        stop: int, lamp: Catalogue, tmp_path: Path) -> None:
    rows = [*LAMPS, row("my code is 4821", "note", text="4821"),
            {"messages": [*LAMPS[0]["messages"], *LAMPS[3]["messages"]]}]
    source = write(tmp_path / "a.jsonl", rows)
    whole = run(source, lamp, tmp_path / "out")
    expected = (tmp_path / "out").read_text()

    def interrupt(source: int, rows: int) -> None:
        if rows == stop:
            raise KeyboardInterrupt

    (tmp_path / "out").unlink()
    with pytest.raises(KeyboardInterrupt):
        run(source, lamp, tmp_path / "out", progress=interrupt)
    assert not (tmp_path / "out").exists()
    with (tmp_path / "out.journal").open("ab") as journal:
        journal.write(b'{"source":0,"row":')  # a line torn by a power cut
    with pytest.raises(InputError, match="add --resume"):
        run(source, lamp, tmp_path / "out")
    done: list[int] = []
    assert run(source, lamp, tmp_path / "out", resume=True,
               progress=lambda source, rows: done.append(rows)) == whole
    assert done[0] == stop
    assert (tmp_path / "out").read_text() == expected


def test_a_second_run_is_refused_until_the_first_has_written_all(
        lamp: Catalogue, tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", LAMPS)
    refused: list[int] = []

    def run_again(_: int, rows: int) -> None:
        with pytest.raises(InputError, match="in use by another run"):
            run(source, lamp, tmp_path / "out", resume=True)
        refused.append(rows)

    assert run(source, lamp, tmp_path / "out", progress=run_again).kept == 3
    assert refused == list(range(9))
    assert not (tmp_path / "out.journal").exists()


def test_a_run_goes_on_only_with_the_same_sources_and_options(
        lamp: Catalogue, tmp_path: Path) -> None:
    def interrupt(source: int, rows: int) -> None:
        if rows:
            raise KeyboardInterrupt

    source = write(tmp_path / "a.jsonl", LAMPS)
    with pytest.raises(KeyboardInterrupt):
        run(source, lamp, tmp_path / "out", progress=interrupt)
    with pytest.raises(InputError, match=r"near is 0.85 there, 0.7 here"):
        run(source, lamp, tmp_path / "out", resume=True, options=Options(near=0.7))
    with pytest.raises(InputError, match="the catalogue is another"):
        run(source, CARDS, tmp_path / "out", resume=True)
    write(tmp_path / "a.jsonl", LAMPS[1:])
    with pytest.raises(InputError, match="the sources are others"):
        run(source, lamp, tmp_path / "out", resume=True)
    (tmp_path / "out.journal").write_text("no journal\n")
    with pytest.raises(InputError, match="no journal that can be read"):
        run(source, lamp, tmp_path / "out", resume=True)


def test_the_journal_holds_no_personal_data(tmp_path: Path) -> None:
    def interrupt(source: int, rows: int) -> None:
        if rows == 2:
            raise KeyboardInterrupt

    rows = [row("my pin is 4821", "block", pin="4821"), row("anna, block it", "block")]
    with pytest.raises(KeyboardInterrupt):
        run(write(tmp_path / "a.jsonl", rows), CARDS, tmp_path / "out", progress=interrupt,
            options=Options(names=("Anna",)))
    written = (tmp_path / "out.journal").read_text().casefold()
    assert "4821" not in written
    assert "anna" not in written


def test_sources_without_a_row_are_refused(lamp: Catalogue, tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(InputError, match="no row there"):
        run(str(tmp_path / "empty.jsonl"), lamp, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["empty.jsonl"]
