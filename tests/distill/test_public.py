"""Public files beside a catalogue's own dialogues."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from iotcall.catalogue import Catalogue, ToolCall
from iotcall.distill.noise import Noise
from iotcall.distill.public import (
    OffTopicRules,
    TalkPart,
    WithPublic,
    off_topic_call,
    off_topic_rules,
    ordinary_talk,
    part_of,
    public_dialogues,
)
from iotcall.errors import CallError, FileError, InputError
from iotcall.evaluate import Dialogue, LabelledTurn, write_dialogues
from iotcall.shipped import shipped
from tests.cli.command import run, run_json

NOTE = ToolCall("note", {"text": "milk"})
OFF = ToolCall("note", {"text": "nothing"})
SILENT = Noise(padded=0, slips=0, misheard=0)
PARTS = get_args(TalkPart)
RULES = OffTopicRules(tool="note", arguments={"text": "nothing"}, served=("balance",))


def own(turns: int) -> Iterator[Dialogue]:
    while True:
        yield Dialogue((LabelledTurn("note milk", (NOTE,)),) * turns)


def talk_file(tmp_path: Path, rows: list[tuple[str, str]]) -> Path:
    path = tmp_path / "talk.jsonl"
    path.write_text("".join(json.dumps({"text": text, "intent": intent}) + "\n"
                            for text, intent in rows))
    return path


def test_a_sentence_is_set_aside_whatever_its_case_and_spaces() -> None:
    texts = [f"tell me joke number {number}" for number in range(1000)]
    parts = Counter(map(part_of, texts))
    assert 650 < parts["learn"] < 750
    assert all(100 < parts[part] < 200 for part in ("calibrate", "judge"))
    assert all(part_of(text) == part_of(f"  {text.upper()} ") for text in texts)


def test_no_sentence_is_learnt_and_judged_by(tmp_path: Path) -> None:
    path = talk_file(tmp_path, [(f"joke {number}", "joke") for number in range(100)]
                     + [("how much have i got", "balance")])
    parts = [ordinary_talk(path, RULES, part) for part in PARTS]
    assert all(parts)
    assert len({text for part in parts for text in part}) == sum(map(len, parts)) == 100


def test_empty_lines_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text('\n{"text": "a", "intent": "x"}\r\n\n{"text": "b", "intent": "x"}\n\n')
    found = [text for part in PARTS for text in ordinary_talk(path, RULES, part)]
    assert sorted(found) == ["a", "b"]


@pytest.mark.parametrize("line", ["no json", '{"text": "a"}', '{"text": 1, "intent": "x"}', "[]"])
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_text('{"text": "a", "intent": "x"}\n' + line + "\n")
    with pytest.raises(FileError) as caught:
        ordinary_talk(path, RULES, "learn")
    assert caught.value.place == "line 2"


def test_a_missing_file_of_talk_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"talk\.jsonl"):
        ordinary_talk(tmp_path / "talk.jsonl", RULES, "learn")


@pytest.mark.parametrize("name", ["banking", "home", "smart_home"])
def test_the_shipped_rules_of_talk_fit_their_catalogue(name: str) -> None:
    from iotcall.catalogue import load_catalogue

    folder = shipped("grammars") / name
    assert off_topic_call(off_topic_rules(folder), load_catalogue(folder)).name


def test_a_call_that_the_catalogue_refuses_is_refused(lamp: Catalogue) -> None:
    with pytest.raises(CallError):
        off_topic_call(OffTopicRules(tool="fly"), lamp)


def mixed(turns: int, seed: int = 1, **shares: float) -> list[Dialogue]:
    public = [Dialogue((LabelledTurn("from a file", (NOTE,)),))]
    return list(WithPublic(
        own(turns), seed, call=OFF, talk=["tell me a joke"], public=public, noise=SILENT,
        talk_share=shares.get("talk", 0), public_share=shares.get("public", 0)).dialogues(400))


def test_a_turn_of_talk_stands_anywhere_in_a_dialogue() -> None:
    dialogues = mixed(2, talk=0.5)
    places = [place for dialogue in dialogues for place, turn in enumerate(dialogue.turns)
              if turn.calls == (OFF,)]
    assert 150 < len(places) < 250
    assert set(places) == {0, 1, 2}
    assert all(turn.calls == (NOTE,) or "joke" in turn.utterance.lower()
               for dialogue in dialogues for turn in dialogue.turns)
    ended = [dialogue for dialogue in dialogues if dialogue.turns[-1].calls == (OFF,)]
    assert any(len(dialogue.turns) == 2 for dialogue in ended)  # what came after was left out


def test_public_dialogues_take_their_share() -> None:
    files = sum(dialogue.turns[0].utterance == "from a file" for dialogue in mixed(1, public=0.25))
    assert 70 < files < 130


def test_a_part_is_written_for_those_who_judge(tmp_path: Path) -> None:
    path = talk_file(tmp_path, [(f"tell me  joke {number}", "joke") for number in range(100)]
                     + [(f"balance {number}", "balance") for number in range(100)])
    out = tmp_path / "judge.talk"
    asked = ("distill", "talk", str(path), "--catalogue", "banking", "--out", str(out), "--part")
    found = run_json(*asked, "judge")
    lines = out.read_text().splitlines()
    assert len(lines) == found["sentences"] > 5
    assert all(line.startswith("tell me joke ") and part_of(line) == "judge" for line in lines)
    assert "is the file to read" in run(
        "distill", "talk", str(path), "--catalogue", "banking", "--part", "learn", "--out",
        str(path), code=2)
    path.write_text('{"text": "balance", "intent": "balance"}\n')
    assert "no sentence of it" in run(*asked, "learn", code=2)
    assert "off_topic.toml: is not there: expected the tool" in run(
        "distill", "talk", str(path), "--catalogue", "shell", "--part", "learn", "--out", str(out),
        code=2)


def test_nothing_is_mixed_in_without_a_share() -> None:
    assert {len(dialogue.turns) for dialogue in mixed(2)} == {2}


def test_a_long_dialogue_gets_no_talk() -> None:
    assert {len(dialogue.turns) for dialogue in mixed(9, talk=1)} == {9}


def test_the_same_seed_mixes_the_same() -> None:
    assert mixed(2, talk=0.5, public=0.2) == mixed(2, talk=0.5, public=0.2)
    assert mixed(2, talk=0.5, public=0.2) != mixed(2, seed=2, talk=0.5, public=0.2)


def test_talk_is_roughened_as_the_recipe_says() -> None:
    silent = {turn.utterance.lower().strip(".!") for dialogue in mixed(1, talk=1)
              for turn in dialogue.turns}
    assert silent == {"note milk", "tell me a joke"}


def test_a_dialogue_ends_before_what_the_catalogue_refuses(
    tmp_path: Path, lamp: Catalogue
) -> None:
    right = LabelledTurn("note milk", (NOTE,))
    wrong = [LabelledTurn("fly", (ToolCall("fly", {}),)), LabelledTurn("hm", ()),
             LabelledTurn("both", (NOTE, NOTE))]
    assert lamp.max_calls == 1
    assert not lamp.may_decline
    write_dialogues([Dialogue((right, turn, right)) for turn in wrong]
                    + [Dialogue((turn,)) for turn in wrong] + [Dialogue((right, right))],
                    tmp_path / "a.jsonl")
    found = public_dialogues(tmp_path, ["a.jsonl"], lamp)
    assert [len(dialogue.turns) for dialogue in found] == [1, 1, 1, 2]


def test_a_missing_public_file_is_named(tmp_path: Path, lamp: Catalogue) -> None:
    with pytest.raises(InputError, match=r"a\.jsonl is not there"):
        public_dialogues(tmp_path, ["a.jsonl"], lamp)
